"""A server and the processes it started, taken together."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from bench.cores import cpu_seconds, pin

GRACE: Final = 10.0


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for child, parent in _parents():
        children.setdefault(parent, []).append(child)
    found = [pid]
    for each in found:  # grows while it is walked
        found += children.get(each, ())
    return found


def keep_on(core: int, pid: int) -> None:
    """Keep a family on one core, every thread of it: threads that come later inherit it."""
    for member in family(pid):
        for thread in Path(f"/proc/{member}/task").iterdir():
            pin(core, int(thread.name))


def computed(pid: int) -> float:
    """How many seconds a family has computed so far."""
    return sum(cpu_seconds(member) for member in family(pid))


def memory(pid: int) -> float:
    """A family's memory in MB, pages that several share counted once."""
    return sum(_resident(member) for member in family(pid)) / 1000


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a family: its first member when asked, whoever is left by force."""
    members = family(process.pid)
    _send(members, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(GRACE)
    _send(members if process.returncode is None else members[1:], signal.SIGKILL)
    process.wait()


def _parents() -> Iterator[tuple[int, int]]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with suppress(OSError):  # it may have ended meanwhile
                yield (
                    int(folder.name),
                    int((folder / "stat").read_text("ascii", "replace").rpartition(")")[2].split()[1]),
                )


def _resident(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def _send(pids: list[int], what: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, what)
