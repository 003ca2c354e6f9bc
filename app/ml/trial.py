"""A candidate's trial: it is loaded and run in a process of its own, which may crash, hang or starve without harm.

`python -m app.ml.trial DIRECTORY` is that process. It needs no settings and no store.
"""

import json
import os
import resource
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from app.ml.bundle import BundleRefused, check_reports, load_bundle, read_manifest, refusal
from app.ml.manifest import MODEL, Manifest

PATIENCE_SECONDS: Final = 20
CPU_SECONDS: Final = 15
ROOM_MIB: Final = 512  # memory for the candidate, beside what the process takes by itself
NICENESS: Final = 5  # the requests that are answered meanwhile go first
_CODE: Final = Path(__file__).resolve().parents[2]
# One thread for every library: a pool's stacks would count as the candidate's memory.
_ENVIRONMENT: Final = {
    "PATH": os.defpath,
    "PYTHONPATH": str(_CODE),
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


def try_bundle(directory: Path) -> Manifest:
    """Try the bundle in a process of its own and return the manifest that was proven. Raises BundleRefused saying why.

    Answers within 20 seconds and a little.
    """
    manifest = read_manifest(directory)
    told = _tried(directory)
    if reason := told.get("refused"):
        raise BundleRefused(reason)
    if told != {"proven": manifest.manifest_sha256}:
        raise refusal(directory / "manifest.json", "it changed while it was tried")
    return manifest


def _tried(directory: Path) -> dict[str, str]:
    command = [sys.executable, "-P", "-m", "app.ml.trial", str(directory.resolve())]
    with subprocess.Popen(  # noqa: S603  # our own command
        command,
        cwd="/",
        env=_ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # so that it can be ended with all that it may have started
    ) as process:
        try:
            said, _ = process.communicate(timeout=PATIENCE_SECONDS)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            if isinstance(error, subprocess.TimeoutExpired):
                raise _fell(directory, f"it takes longer than {PATIENCE_SECONDS} seconds") from None
            raise
    if process.returncode:
        raise _fell(directory, _why_ended(process.returncode))
    told: dict[str, str] = json.loads(said)
    return told


def _why_ended(code: int) -> str:
    if code == -signal.SIGXCPU:
        return f"it computes for more than {CPU_SECONDS} seconds"
    if code > 0:
        return "it failed the process that tried it"
    return f"it ended the process that tried it (signal {-code})"


def _fell(directory: Path, reason: str) -> BundleRefused:
    return refusal(directory / MODEL, reason)


def main() -> None:
    """Try the bundle in the directory named on the command line, and print one line saying how it went."""
    _limit()
    directory = Path(sys.argv[1])
    try:
        bundle = load_bundle(directory)
        check_reports(directory, bundle.manifest)
        told = {"proven": bundle.manifest.manifest_sha256}
    except (BundleRefused, MemoryError) as error:
        starved = _is_starved(error)
        told = {"refused": _fell(directory, f"it needs more than {ROOM_MIB} MiB").detail if starved else str(error)}
    sys.stdout.write(json.dumps(told) + "\n")


def _limit() -> None:
    os.nice(NICENESS)
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_FSIZE, 0)
    _lower(resource.RLIMIT_CPU, CPU_SECONDS)
    with suppress(OSError):  # only Linux tells; elsewhere time alone is limited
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        _lower(resource.RLIMIT_AS, pages * resource.getpagesize() + ROOM_MIB * 2**20)


def _lower(limit: int, amount: int) -> None:
    _, hard = resource.getrlimit(limit)
    resource.setrlimit(limit, (amount if hard == resource.RLIM_INFINITY else min(amount, hard), hard))


def _is_starved(error: BaseException | None) -> bool:
    # The runtime has no error of its own for it: its messages tell.
    while error is not None:
        if isinstance(error, MemoryError) or "alloc" in str(error).lower():
            return True
        error = error.__cause__
    return False


if __name__ == "__main__":
    main()
