"""The registry on disk: written in one step, pointed to in one step, after a trial."""

import hashlib
import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest
from interpret.glassbox import ExplainableBoostingClassifier

from app.ml.bundle import BundleRefused
from app.ml.manifest import Purpose
from app.ml.pointer import Receipt, read_pointer
from app.ml.registry import (
    NothingBefore,
    activate,
    active_bundles,
    catch_up,
    find_manifest,
    list_manifests,
    register,
    roll_back,
)
from app.ml.training.material import Material
from app.ml.training.release import release
from tests.factories.candidates import FORBIDDEN, changed, put, shifted
from tests.ml.conftest import copied

AT = datetime(2026, 11, 5, 10, tzinfo=UTC)


@pytest.fixture
def next_day(directory: Path, registry: Path, released: Callable[[timedelta], Path]) -> Path:
    assert directory.is_dir()
    return copied(released(timedelta(days=1)), registry)


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
    assert list(read_pointer(registry)) == ["port_out"]
    assert read_pointer(registry)["port_out"].version == next_day.name


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
    activate(registry, "churn", directory.name)
    pointer = json.loads((registry / "active.json").read_text())
    (registry / "active.json").write_text(json.dumps({"downgrade": pointer["port_out"]}))
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


def test_a_version_that_is_there_stays_as_it_is(
    registry: Path,
    directory: Path,
    material: Material,
    ebm: ExplainableBoostingClassifier,
    model: bytes,
    purpose: Purpose,
) -> None:
    manifest = directory / "manifest.json"
    before = manifest.stat()
    later = purpose.model_copy(update={"trained_at": purpose.trained_at + timedelta(hours=1)})
    assert release(material, ebm, model, purpose=later, seed=7, out=registry) == directory
    for name in ("st_mode", "st_ino", "st_size", "st_mtime_ns", "st_ctime_ns"):  # but for when it was read
        assert getattr(manifest.stat(), name) == getattr(before, name), name
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
        release(material, ebm, model, purpose=purpose.model_copy(update={"horizon_days": 90}), seed=7, out=registry)


def test_a_receipt_says_what_was_tried_when_by_whom_and_what_was_before(registry: Path, directory: Path) -> None:
    # C8, C19
    other = shifted(directory, 1.0)
    first = activate(registry, "churn", directory.name, by="0190-caller", at=AT)
    second = activate(registry, "churn", other.name, at=AT + timedelta(hours=1))
    assert first.receipt == Receipt(
        name="churn",
        version=directory.name,
        manifest_sha256=first.manifest.manifest_sha256,
        activated_at=AT,
        activated_by="0190-caller",
        previous=None,
    )
    assert (second.receipt.previous, second.receipt.activated_by) == (first.receipt.choice, "command line")
    assert read_pointer(registry) == {"port_out": second.receipt}


def test_what_is_active_already_keeps_its_receipt(registry: Path, directory: Path) -> None:
    first = activate(registry, "churn", directory.name, at=AT)
    written = (registry / "active.json").stat().st_mtime_ns
    assert activate(registry, "churn", directory.name, by="another") == first
    assert (registry / "active.json").stat().st_mtime_ns == written


def test_receipts_are_in_order_even_where_the_clock_goes_back(registry: Path, directory: Path) -> None:
    first = activate(registry, "churn", directory.name, at=AT).receipt
    second = activate(registry, "churn", shifted(directory, 1.0).name, at=AT - timedelta(hours=2)).receipt
    assert second.activated_at > first.activated_at


def test_a_manifest_that_was_changed_after_its_activation_is_refused_until_it_is_tried_again(
    registry: Path, directory: Path, rewrite: Callable[..., None]
) -> None:
    activate(registry, "churn", directory.name)
    rewrite(label_note="changed by hand, and sealed again")
    with pytest.raises(BundleRefused, match="not what was tried and activated: activate it again"):
        active_bundles(registry)
    assert activate(registry, "churn", directory.name).receipt.previous is None
    assert active_bundles(registry)["port_out"].manifest.label_note == "changed by hand, and sealed again"


def test_a_pointer_of_an_earlier_form_is_refused_with_what_to_do(registry: Path, directory: Path) -> None:
    old = {"port_out": {"name": "churn", "version": directory.name}}
    (registry / "active.json").write_text(json.dumps(old))
    with pytest.raises(BundleRefused, match=r"active\.json: .*activate the models again"):
        active_bundles(registry)
    activate(registry, "churn", directory.name)
    assert active_bundles(registry)["port_out"].manifest.version == directory.name


def test_a_bad_candidate_leaves_the_pointer_as_it_was(registry: Path, directory: Path) -> None:
    activate(registry, "churn", directory.name)
    before = (registry / "active.json").read_bytes()
    for change, _ in list(FORBIDDEN.values())[:2]:
        with pytest.raises(BundleRefused):
            activate(registry, "churn", put(directory, changed(directory, change)).name)
    assert (registry / "active.json").read_bytes() == before


def test_two_kinds_activated_at_once_are_both_active(registry: Path, directory: Path) -> None:
    other = shifted(directory, 1.0, churn_kind="downgrade")
    threads = [Thread(target=activate, args=(registry, "churn", path.name)) for path in (directory, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {kind: receipt.version for kind, receipt in read_pointer(registry).items()} == {
        "port_out": directory.name,
        "downgrade": other.name,
    }


def test_the_model_before_is_one_step_away_and_so_is_the_way_back(registry: Path, directory: Path) -> None:
    # C8
    other = shifted(directory, 1.0)
    activate(registry, "churn", directory.name)
    with pytest.raises(NothingBefore, match="No other model"):
        roll_back(registry)
    activate(registry, "churn", other.name)
    assert roll_back(registry).receipt.version == directory.name
    assert roll_back(registry, "port_out").receipt.version == other.name
    with pytest.raises(NothingBefore, match="No other model"):
        roll_back(registry, "downgrade")


def test_where_several_kinds_are_active_going_back_needs_to_know_which(registry: Path, directory: Path) -> None:
    activate(registry, "churn", directory.name)
    activate(registry, "churn", shifted(directory, 1.0, churn_kind="downgrade").name)
    with pytest.raises(NothingBefore, match="say which: downgrade, port_out"):
        roll_back(registry)


@pytest.fixture
def elsewhere(registry: Path, directory: Path, tmp_path: Path) -> Receipt:
    """The receipt of a switch that another host made, of a version which is here too."""
    newer = shifted(directory, 1.0)
    shutil.copytree(registry, tmp_path / "elsewhere")
    return activate(tmp_path / "elsewhere", "churn", newer.name, at=AT).receipt


def test_what_was_activated_elsewhere_is_tried_and_made_active_here(registry: Path, elsewhere: Receipt) -> None:
    catch_up(registry, "port_out", elsewhere)
    assert read_pointer(registry) == {"port_out": elsewhere}


def test_what_was_activated_here_later_stays(registry: Path, directory: Path, elsewhere: Receipt) -> None:
    later = activate(registry, "churn", directory.name, at=AT + timedelta(seconds=1)).receipt
    catch_up(registry, "port_out", elsewhere)
    assert read_pointer(registry) == {"port_out": later}


def test_what_was_activated_elsewhere_and_is_another_one_here_is_refused(registry: Path, elsewhere: Receipt) -> None:
    with pytest.raises(BundleRefused, match="not the one that was activated elsewhere"):
        catch_up(registry, "port_out", elsewhere.model_copy(update={"manifest_sha256": "0" * 64}))
    with pytest.raises(BundleRefused, match="not in this registry"):
        catch_up(registry, "port_out", elsewhere.model_copy(update={"version": "20261104-0123456789ab"}))
    assert read_pointer(registry) == {}


def test_a_report_is_written_beside_the_model_and_must_be_the_one_described(
    tmp_path: Path, directory: Path, rewrite: Callable[..., None]
) -> None:
    report = b"<p>as it was measured</p>"
    model = (directory / "model.onnx").read_bytes()
    sha256 = json.loads((directory / "manifest.json").read_text())["files"]["model.onnx"]
    rewrite(files={"model.onnx": sha256, "report.html": hashlib.sha256(report).hexdigest()})
    manifest = (directory / "manifest.json").read_bytes()
    with pytest.raises(BundleRefused, match=r"report\.html .*missing"):
        register(tmp_path / "out", manifest, {"model.onnx": model})
    with pytest.raises(BundleRefused, match=r"report\.html .*checksum"):
        register(tmp_path / "out", manifest, {"model.onnx": model, "report.html": b"another"})
    assert not list((tmp_path / "out").glob("*/*"))
    registered = register(tmp_path / "out", manifest, {"model.onnx": model, "report.html": report})
    assert (registered / "report.html").read_bytes() == report
    assert {path.name for path in registered.iterdir()} == {"manifest.json", "model.onnx", "report.html"}
