"""An environment of its own for every peer, made again when its requirements change."""

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[1]
CACHE: Final = ROOT / ".peers"
STAMP: Final = "made-from"


class LeftOut(Exception):
    """A peer cannot be measured here; the message says why, in one line."""


def environment(name: str) -> Path:
    """Return the folder of a peer's programs. Raises LeftOut if they cannot be installed."""
    folder = CACHE / name
    wanted = hashlib.sha256(sys.version.encode() + _lock(name).read_bytes()).hexdigest()
    stamp = folder / STAMP
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"Installing {name} into {folder.relative_to(ROOT)}", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        _install(name, folder)
        stamp.write_text(wanted)
    return folder / "bin"


def version(name: str) -> str:
    """Return the version a peer is locked to."""
    found = re.search(rf"^{name}==(\S+)", _lock(name).read_text("ascii"), re.MULTILINE)
    assert found, name
    return found[1]


def _lock(name: str) -> Path:
    return HERE / f"{name}.lock"


def _install(name: str, folder: Path) -> None:
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "-qq"]
    _run([sys.executable, "-m", "venv", str(folder)])
    _run([*pip, "--no-deps", "--require-hashes", "-r", str(_lock(name))])


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LeftOut(f"it could not be installed: {in_short(done.stderr or done.stdout)}")


def in_short(text: str) -> str:
    """What a program that failed said of it: pip's first error, else the last so called, else its last line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()] or ["it said nothing"]
    pips = [line for line in lines if line.startswith("ERROR:")]
    named = [line for line in lines if "Error" in line]
    return [*pips[:1], *named[-1:], lines[-1]][0]
