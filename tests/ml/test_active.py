"""What is active in memory follows the pointer, and keeps what it has where that cannot be followed."""

import logging
from pathlib import Path
from threading import Event, Thread

import pytest

from app.ml.active import ActiveBundles
from app.ml.bundle import BundleRefused
from app.ml.pointer import POINTER
from app.ml.registry import activate
from tests.factories.candidates import shifted


@pytest.fixture
def active(registry: Path, directory: Path) -> ActiveBundles:
    activate(registry, "churn", directory.name)
    return ActiveBundles(registry)


def version(active: ActiveBundles) -> str:
    return active["port_out"].manifest.version


def test_a_switch_is_followed(active: ActiveBundles, directory: Path) -> None:
    newer = shifted(directory, 1.0)
    activate(active.root, "churn", newer.name)
    assert version(active) == directory.name
    active.follow()
    assert version(active) == newer.name
    bundle = active["port_out"]
    active.follow()
    assert active["port_out"] is bundle
    assert (list(active), len(active)) == (["port_out"], 1)


def test_another_kind_is_taken_up_beside_it(active: ActiveBundles, directory: Path) -> None:
    activate(active.root, "churn", shifted(directory, 1.0, churn_kind="downgrade").name)
    active.follow()
    assert set(active) == {"port_out", "downgrade"}


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"port_out": {"name": "churn"}}'])
def test_a_pointer_that_is_gone_or_damaged_changes_nothing(
    active: ActiveBundles, directory: Path, text: str | None
) -> None:
    (active.root / POINTER).unlink()
    if text is not None:
        (active.root / POINTER).write_text(text)
    active.follow()
    assert version(active) == directory.name


def test_what_was_changed_after_its_activation_is_told_once_and_the_old_one_serves_on(
    active: ActiveBundles, directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    newer = shifted(directory, 1.0)
    activate(active.root, "churn", newer.name)
    (newer / "model.onnx").write_bytes(b"something else")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            active.follow()
    assert version(active) == directory.name
    assert len(active.refusals) == 1
    assert [record.message for record in caplog.records] == ["model refused"]
    assert "checksum" in str(caplog.records[0].__dict__)

    activate(active.root, "churn", directory.name)
    active.follow()
    assert len(active.refusals) == 0


def test_a_damaged_pointer_is_told_once(active: ActiveBundles, caplog: pytest.LogCaptureFixture) -> None:
    (active.root / POINTER).write_text("{")
    with caplog.at_level(logging.WARNING):
        active.follow()
        active.follow()
    assert len(active.refusals) == len(caplog.records) == 1


def test_what_is_damaged_at_the_start_stops_the_start(active: ActiveBundles, directory: Path) -> None:
    (directory / "model.onnx").write_bytes(b"something else")
    with pytest.raises(BundleRefused, match="checksum"):
        ActiveBundles(active.root)


def test_readers_always_find_a_model_while_it_switches(active: ActiveBundles, directory: Path) -> None:
    newer = shifted(directory, 1.0)
    done, seen = Event(), set()

    def read() -> None:
        while not done.is_set():
            seen.add(version(active))

    reader = Thread(target=read)
    reader.start()
    for path in (newer, directory):
        activate(active.root, "churn", path.name)
        active.follow()
    done.set()
    reader.join()
    assert seen == {directory.name, newer.name}
