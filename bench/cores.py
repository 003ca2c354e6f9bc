"""Which core measures and which is measured, so that the two do not wait for each other."""

import os
from pathlib import Path


def pin(core: int, pid: int = 0) -> None:
    """Keep a process (this one, unless another is named) on one core, counted from 0, if there are so many."""
    cores = sorted(os.sched_getaffinity(pid))
    os.sched_setaffinity(pid, {cores[min(core, len(cores) - 1)]})


def cpu_seconds(pid: int) -> float:
    """How long a process has computed so far, in user and kernel mode."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
