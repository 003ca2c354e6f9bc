"""Files that are there whole or not at all, also after a power cut; and folders that one process at a time changes."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file so that a reader, even after a power cut, finds the old content or the new, never a part."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        write_durably(draft, content)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    sync_directory(path.parent)


def write_durably(path: Path, content: bytes) -> None:
    """Write a new file and wait until the disk has it."""
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_directory(directory: Path) -> None:
    """Make a rename in this directory survive a power cut."""
    with _opened(directory) as descriptor:
        os.fsync(descriptor)


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Keep other processes and threads out of what is done under the same directory's lock."""
    with _opened(directory) as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


@contextmanager
def locked_unless_taken(directory: Path) -> Iterator[bool]:
    """Take the same lock if it is free; yield whether it was."""
    with _opened(directory) as descriptor:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


@contextmanager
def _opened(directory: Path) -> Iterator[int]:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)  # which lets go of its lock, too
