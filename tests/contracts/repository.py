"""The files that belong to the product."""

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


@cache
def files() -> list[Path]:
    """List what is or may be committed; where there is no checkout, what does not start with a dot."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode == 0:
        found = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    else:
        found = [path for path in ROOT.rglob("*") if not _is_hidden(path)]
    return sorted(path for path in found if path.is_file())


def sources(folder: str) -> dict[str, str]:
    """The Python files below a folder, by their path from the root."""
    inside = [path for path in files() if path.suffix == ".py" and path.is_relative_to(ROOT / folder)]
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in inside}


def _is_hidden(path: Path) -> bool:
    return any(part.startswith((".", "__pycache__")) or part.endswith(".egg-info") for part in path.parts)
