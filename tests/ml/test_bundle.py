"""A bundle that is not exactly what its manifest says is refused, with the file and the reason."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from onnx.external_data_helper import set_external_data

from app.ml.bundle import BundleRefused, load_bundle, read_manifest
from app.ml.session import open_session

Rewrite = Callable[..., None]


def test_a_registered_bundle_loads(directory: Path) -> None:
    bundle = load_bundle(directory)
    assert bundle.sha256 == hashlib.sha256((directory / "model.onnx").read_bytes()).hexdigest()
    assert directory.name == bundle.manifest.version == f"20261103-{bundle.sha256[:12]}"
    assert len(bundle.contract.features) == len(bundle.manifest.features) == 18


@pytest.mark.parametrize("file", ["manifest.json", "model.onnx"])
def test_a_missing_file_is_named(directory: Path, file: str) -> None:
    (directory / file).unlink()
    with pytest.raises(BundleRefused, match=rf"{file} of churn/.*: missing"):
        load_bundle(directory)


def test_a_model_with_another_checksum_is_refused(directory: Path) -> None:
    with (directory / "model.onnx").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(BundleRefused, match=r"model\.onnx of churn/.*checksum"):
        load_bundle(directory)


def test_a_manifest_with_another_checksum_is_refused(directory: Path) -> None:
    path = directory / "manifest.json"
    path.write_text(path.read_text().replace('"horizon_days": 30', '"horizon_days": 31'))
    with pytest.raises(BundleRefused, match=r"manifest\.json of churn/.*checksum"):
        read_manifest(directory)


def test_a_manifest_that_is_not_json_is_refused_without_repeating_it(directory: Path) -> None:
    (directory / "manifest.json").write_text("a secret")
    with pytest.raises(BundleRefused, match="not valid JSON") as refusal:
        load_bundle(directory)
    assert "secret" not in refusal.value.detail


def test_bytes_that_are_no_graph_are_refused(directory: Path, rewrite: Rewrite) -> None:
    sha256 = hashlib.sha256(b"no graph").hexdigest()
    (directory / "model.onnx").write_bytes(b"no graph")
    rewrite(files={"model.onnx": sha256}, version=f"20261103-{sha256[:12]}")
    with pytest.raises(BundleRefused, match=r"model\.onnx of churn/.*not a graph"):
        load_bundle(directory)


@pytest.mark.parametrize("location", ["scores.bin", "../scores.bin", "/etc/passwd"])
def test_a_graph_that_reads_other_files_is_refused(
    model: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, location: str
) -> None:
    graph = onnx.load_from_string(model)
    scores = next(tensor for tensor in graph.graph.initializer if tensor.name == "scores")
    set_external_data(scores, location)
    scores.data_location = onnx.TensorProto.EXTERNAL
    (tmp_path / "here").mkdir()
    for folder in (tmp_path, tmp_path / "here"):
        (folder / "scores.bin").write_bytes(scores.raw_data)
    scores.ClearField("raw_data")
    monkeypatch.chdir(tmp_path / "here")
    inputs, outputs = graph.graph.input[0], graph.graph.output[2]
    features, terms = (door.type.tensor_type.shape.dim[1].dim_value for door in (inputs, outputs))
    with pytest.raises(ValueError, match="not a graph that this runtime can open"):
        open_session(graph.SerializeToString(), features=features, terms=terms)


def test_a_graph_with_other_inputs_is_refused(directory: Path, rewrite: Rewrite) -> None:
    features = json.loads((directory / "manifest.json").read_text())["features"]
    extra = features[0] | {"name": "one_more"}
    rewrite(features=[*features, extra])
    with pytest.raises(BundleRefused, match="its input is not features"):
        load_bundle(directory)


def test_a_graph_with_other_terms_is_refused(directory: Path, rewrite: Rewrite) -> None:
    rewrite(terms=json.loads((directory / "manifest.json").read_text())["terms"][:-1])
    with pytest.raises(BundleRefused, match="its outputs are not"):
        load_bundle(directory)


def test_a_graph_that_does_not_add_up_with_the_intercept_is_refused(directory: Path, rewrite: Rewrite) -> None:
    rewrite(intercept=0.5)
    with pytest.raises(BundleRefused, match="does not add up"):
        load_bundle(directory)


def test_what_serves_imports_nothing_that_trains() -> None:
    code = (
        "import sys, app.ml.bundle, app.ml.drivers, app.ml.features, app.ml.registry, app.ml.scorer;"
        "print(sorted({name.split('.')[0] for name in sys.modules}"
        " & {'sklearn', 'pandas', 'interpret', 'onnx', 'pyarrow', 'scipy'}))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
