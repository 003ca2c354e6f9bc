"""The registry on disk: written in one step, pointed to in one step."""

import json
import shutil
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread

import pytest
from interpret.glassbox import ExplainableBoostingClassifier

from app.ml.bundle import BundleRefused
from app.ml.manifest import Purpose
from app.ml.registry import activate, active_bundles, find_manifest, list_manifests
from app.ml.training.train import Material, release


@pytest.fixture
def next_day(
    directory: Path,
    registry: Path,
    material: Material,
    ebm: ExplainableBoostingClassifier,
    model: bytes,
    purpose: Purpose,
) -> Path:
    later = purpose.model_copy(update={"trained_at": purpose.trained_at + timedelta(days=1)})
    assert directory.is_dir()
    return release(material, ebm, model, later, 7, registry)


def test_nothing_is_active_in_an_empty_registry(tmp_path: Path) -> None:
    assert active_bundles(tmp_path) == {}
    assert list_manifests(tmp_path) == []


def test_an_activated_bundle_is_known_by_its_churn_kind(registry: Path, directory: Path) -> None:
    activate(registry, "churn", directory.name)
    assert {kind: bundle.manifest.version for kind, bundle in active_bundles(registry).items()} == {
        "port_out": directory.name
    }


def test_one_bundle_is_active_a_kind(registry: Path, directory: Path, next_day: Path) -> None:
    activate(registry, "churn", directory.name)
    activate(registry, "churn", next_day.name)
    assert json.loads((registry / "active.json").read_text()) == {
        "port_out": {"name": "churn", "version": next_day.name}
    }


def test_versions_are_listed_in_order_and_damaged_ones_left_out(
    registry: Path, directory: Path, next_day: Path
) -> None:
    assert [manifest.version for manifest in list_manifests(registry)] == [directory.name, next_day.name]
    (directory / "manifest.json").write_text("{}")
    assert [manifest.version for manifest in list_manifests(registry)] == [next_day.name]


@pytest.mark.parametrize("name", ["..", "../churn", "churn/..", "/etc", "", ".churn", "Churn"])
def test_a_name_cannot_lead_out_of_the_registry(registry: Path, directory: Path, name: str) -> None:
    with pytest.raises(BundleRefused, match="no model of that name"):
        activate(registry, name, directory.name)
    assert find_manifest(registry, name, directory.name) is None


@pytest.mark.parametrize("version", ["..", "latest", "20261103-0123456789ab/..", "20261103-0123456789ab\n"])
def test_a_version_cannot_lead_out_of_the_registry(registry: Path, directory: Path, version: str) -> None:
    assert directory.is_dir()
    with pytest.raises(BundleRefused, match="no model of that name"):
        activate(registry, "churn", version)
    assert find_manifest(registry, "churn", version) is None


def test_a_registered_manifest_is_found(registry: Path, directory: Path) -> None:
    manifest = find_manifest(registry, "churn", directory.name)
    assert manifest is not None
    assert manifest.version == directory.name
    assert find_manifest(registry, "churn", "20261103-0123456789ab") is None


def test_a_damaged_bundle_is_never_activated(registry: Path, directory: Path, next_day: Path) -> None:
    activate(registry, "churn", directory.name)
    (next_day / "model.onnx").write_bytes(b"")
    with pytest.raises(BundleRefused, match=r"model\.onnx"):
        activate(registry, "churn", next_day.name)
    assert active_bundles(registry)["port_out"].manifest.version == directory.name


def test_a_bundle_under_another_version_is_refused(registry: Path, directory: Path) -> None:
    shutil.copytree(directory, directory.with_name("20261103-0123456789ab"))
    with pytest.raises(BundleRefused, match="describes another version"):
        activate(registry, "churn", "20261103-0123456789ab")


@pytest.mark.parametrize("text", ["", "[]", '{"port_out": "churn"}', '{"boredom": {"name": "churn", "version": "x"}}'])
def test_a_damaged_pointer_is_refused(registry: Path, directory: Path, text: str) -> None:
    assert directory.is_dir()
    (registry / "active.json").write_text(text)
    with pytest.raises(BundleRefused, match=r"active\.json"):
        active_bundles(registry)


def test_a_pointer_to_a_bundle_of_another_kind_is_refused(registry: Path, directory: Path) -> None:
    pointer = {"downgrade": {"name": "churn", "version": directory.name}}
    (registry / "active.json").write_text(json.dumps(pointer))
    with pytest.raises(BundleRefused, match="does not model downgrade"):
        active_bundles(registry)


def test_a_pointer_that_cannot_be_replaced_stays_as_it_was(
    registry: Path, directory: Path, next_day: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    activate(registry, "churn", directory.name)

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="no space"):
        activate(registry, "churn", next_day.name)
    assert active_bundles(registry)["port_out"].manifest.version == directory.name
    assert sorted(path.name for path in registry.iterdir()) == ["active.json", "churn"]


def test_a_reader_always_finds_a_whole_pointer(registry: Path, directory: Path, next_day: Path) -> None:
    activate(registry, "churn", directory.name)
    done, seen = Event(), set()

    def read() -> None:
        while not done.is_set():
            seen.add((registry / "active.json").read_text())

    reader = Thread(target=read)
    reader.start()
    for _ in range(10):
        activate(registry, "churn", next_day.name)
        activate(registry, "churn", directory.name)
    done.set()
    reader.join()
    assert {json.loads(text)["port_out"]["version"] for text in seen} <= {directory.name, next_day.name}


def test_a_version_that_is_there_stays_as_it_is(
    registry: Path,
    directory: Path,
    material: Material,
    ebm: ExplainableBoostingClassifier,
    model: bytes,
    purpose: Purpose,
) -> None:
    before = (directory / "manifest.json").stat()
    later = purpose.model_copy(update={"trained_at": purpose.trained_at + timedelta(hours=1)})
    assert release(material, ebm, model, later, 7, registry) == directory
    assert (directory / "manifest.json").stat() == before
    assert [path.name for path in directory.parent.iterdir()] == [directory.name]


def test_a_version_is_not_registered_again_for_another_horizon(
    registry: Path,
    directory: Path,
    material: Material,
    ebm: ExplainableBoostingClassifier,
    model: bytes,
    purpose: Purpose,
) -> None:
    assert directory.is_dir()
    with pytest.raises(BundleRefused, match="another churn kind or horizon"):
        release(material, ebm, model, purpose.model_copy(update={"horizon_days": 90}), 7, registry)
