"""A bundle that is not exactly what its manifest says is refused, with the file and the reason."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from onnx.external_data_helper import set_external_data

from app.ml.bundle import Bundle, BundleRefused, load_bundle, read_manifest
from app.ml.scorer import run
from app.ml.session import open_session
from app.ml.training.material import Material
from tests.factories.candidates import changed, put

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
    with pytest.raises(BundleRefused, match=r"model\.onnx of churn/.*a part that no exported model has"):
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
    fields = json.loads((directory / "manifest.json").read_text())
    extra = fields["features"][0] | {"name": "one_more"}
    canary = fields["canary"] | {"rows": [[*row, None] for row in fields["canary"]["rows"]]}
    reference = fields["reference"] | {"features": [*fields["reference"]["features"], fields["reference"]["score"]]}
    rewrite(features=[*fields["features"], extra], canary=canary, reference=reference)
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


def test_the_canary_is_made_up_and_holds_the_row_of_which_nothing_is_known(bundle: Bundle, material: Material) -> None:
    canary = bundle.manifest.canary
    rows = np.array(canary.rows, np.float32)
    real = {row.tobytes() for row in np.concatenate([material.matrix, material.unseen])}
    assert len(rows) == 17
    assert np.isnan(rows[-1]).all()
    assert not {row.tobytes() for row in rows} & real
    assert run(bundle.session, rows).logit.tolist() == list(canary.logits)


def test_a_graph_that_answers_its_canary_otherwise_is_refused(directory: Path, rewrite: Rewrite) -> None:
    canary = json.loads((directory / "manifest.json").read_text())["canary"]
    rewrite(canary=canary | {"logits": [*canary["logits"][:-1], canary["logits"][-1] + 1e-8]})
    with pytest.raises(BundleRefused, match="does not answer the canary rows as it should"):
        load_bundle(directory)


def answer_half(model: onnx.ModelProto) -> None:
    model.graph.node[-1].input[0] = "total"


def answer_once(model: onnx.ModelProto) -> None:
    model.graph.node[3].input[1] = "first_axis"
    model.graph.initializer.append(numpy_helper.from_array(np.array([0]), "first_axis"))


@pytest.mark.parametrize(
    ("change", "reason"), [(answer_half, "its probability is not the one"), (answer_once, "one answer a row|not run")]
)
def test_a_graph_whose_answers_do_not_belong_together_is_refused(
    directory: Path, change: Callable[[onnx.ModelProto], None], reason: str
) -> None:
    with pytest.raises(BundleRefused, match=reason):
        load_bundle(put(directory, changed(directory, change)))


def test_a_bundle_is_only_opened_if_its_manifest_is_the_one_asked_for(directory: Path) -> None:
    sha256 = load_bundle(directory).manifest.manifest_sha256
    assert load_bundle(directory, sha256).manifest.manifest_sha256 == sha256
    (directory / "model.onnx").unlink()  # so that reading on would be refused for another reason
    with pytest.raises(BundleRefused, match=r"manifest\.json of churn/.*not what was tried and activated"):
        load_bundle(directory, "0" * 64)


@pytest.mark.parametrize("name", ["manifest.json", "model.onnx"])
def test_a_file_that_is_far_too_large_is_not_read(directory: Path, name: str) -> None:
    with (directory / name).open("r+b") as file:
        file.truncate(2**30)
    with pytest.raises(BundleRefused, match=rf"{name} of churn/.*larger than"):
        load_bundle(directory)


def test_what_serves_imports_nothing_that_trains() -> None:
    code = (
        "import sys, app.ml.bundle, app.ml.drivers, app.ml.features, app.ml.registry, app.ml.scorer;"
        "print(sorted({name.split('.')[0] for name in sys.modules}"
        " & {'sklearn', 'pandas', 'interpret', 'onnx', 'pyarrow', 'scipy'}))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
