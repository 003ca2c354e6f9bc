"""The product's code with something changed, in a folder of its own: the next version, or one with a fault in it."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.weather.world import ROOT

Change = tuple[str, str, str]  # in which file, what, by what


@contextmanager
def variant(changes: Sequence[Change] = (), folders: Sequence[str] = ("app", "migrations")) -> Iterator[Path]:
    """Copy the code and change it; what is to be replaced must stand there exactly once."""
    with TemporaryDirectory(prefix="variant-") as folder:
        root = Path(folder)
        for name in folders:
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", root)
        for name, old, new in changes:
            path = root / name
            text = path.read_text(encoding="utf-8")
            assert text.count(old) == 1, f"{name} does not hold once: {old}"
            path.write_text(text.replace(old, new), encoding="utf-8")
        yield root
