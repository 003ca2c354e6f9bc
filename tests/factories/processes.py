"""What Linux tells of a process."""

from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")


def children_of(pid: int) -> list[int]:
    """Its children, and theirs, and so on."""
    found = []
    with suppress(OSError):
        for task in (PROC / str(pid) / "task").iterdir():
            found += [int(child) for child in (task / "children").read_text().split()]
    return [*found, *(grandchild for child in found for grandchild in children_of(child))]


def memory_of(pid: int) -> int:
    """Resident bytes; 0 if it is gone."""
    with suppress(OSError, StopIteration):
        lines = (PROC / str(pid) / "status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmRSS:")).split()[1]) * 1024
    return 0


def open_files_of(pid: int) -> int:
    with suppress(OSError):
        return len(list((PROC / str(pid) / "fd").iterdir()))
    return 0


def command_of(pid: int) -> str:
    with suppress(OSError):
        return (PROC / str(pid) / "cmdline").read_text().replace("\0", " ")
    return ""
