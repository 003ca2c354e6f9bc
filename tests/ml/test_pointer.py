"""The pointer: whole for every reader, and no change of one kind loses another's."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread

import pytest

from app.ml.bundle import BundleRefused
from app.ml.manifest import ChurnKind
from app.ml.pointer import POINTER, Choice, Receipt, change, read_pointer

AT = datetime(2026, 11, 5, tzinfo=UTC)
FIRST = Receipt(
    name="churn",
    version="20261103-0123456789ab",
    manifest_sha256="0" * 64,
    activated_at=AT,
    activated_by="command line",
    previous=None,
)
KINDS: tuple[ChurnKind, ...] = ("port_out", "downgrade", "arpu_decline")


def later(before: Receipt | None) -> Receipt:
    if before is None:
        return FIRST
    return before.model_copy(
        update={"activated_at": before.activated_at + timedelta(seconds=1), "previous": before.choice}
    )


def test_nothing_is_active_where_there_is_no_pointer(tmp_path: Path) -> None:
    assert read_pointer(tmp_path) == {}


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    written = change(tmp_path, "port_out", lambda _: later(FIRST))
    assert read_pointer(tmp_path) == {"port_out": written}
    assert written.previous == Choice(name="churn", version=FIRST.version)


def test_what_does_not_change_is_not_written(tmp_path: Path) -> None:
    change(tmp_path, "port_out", later)
    written = (tmp_path / POINTER).stat().st_mtime_ns
    assert change(tmp_path, "port_out", lambda now: now or FIRST) == FIRST
    assert (tmp_path / POINTER).stat().st_mtime_ns == written


@pytest.mark.parametrize(
    "text", ["", "[]", '{"port_out": "churn"}', '{"port_out": {"name": "churn", "version": "20261103-0123456789ab"}}']
)
def test_a_pointer_that_cannot_be_read_is_begun_anew_by_the_next_activation(tmp_path: Path, text: str) -> None:
    (tmp_path / POINTER).write_text(text)
    with pytest.raises(BundleRefused, match="activate the models again"):
        read_pointer(tmp_path)
    change(tmp_path, "port_out", later)
    assert read_pointer(tmp_path) == {"port_out": FIRST}


def test_changes_at_once_lose_none_of_each_other_and_readers_see_whole_pointers(tmp_path: Path) -> None:
    done, torn = Event(), []

    def read() -> None:
        while not done.is_set():
            try:
                read_pointer(tmp_path)
            except BundleRefused as refused:
                torn.append(refused)

    def turn(kind: ChurnKind) -> None:
        for _ in range(30):
            change(tmp_path, kind, later)

    reader = Thread(target=read)
    writers = [Thread(target=turn, args=(kind,)) for kind in KINDS]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join()
    assert not torn
    assert {kind: receipt.activated_at for kind, receipt in read_pointer(tmp_path).items()} == dict.fromkeys(
        KINDS, AT + timedelta(seconds=29)
    )
    assert [path.name for path in tmp_path.iterdir()] == [POINTER]
