"""How commands show that they are at work: on a terminal alone, and never where their answer goes."""

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from app.errors import Invalid
from app.pipelines.records import Reject


class RejectsRefused(Invalid):
    """The refused rows cannot be written there."""


@contextmanager
def bar(title: str) -> Iterator[Callable[[float], None]]:
    """Show a bar; what it yields takes the share that is done, 0…1."""
    with _shown() as progress:
        task = progress.add_task(escape(title), total=1.0)
        yield lambda done: progress.update(task, completed=done)


@contextmanager
def steps() -> Iterator[Callable[[str, float], None]]:
    """Show a bar whose title changes; what it yields takes the step that begins and the share that is done, 0…1."""
    with _shown() as progress:
        task = progress.add_task("", total=1.0)
        yield lambda step, done: progress.update(task, description=escape(step), completed=done)


@contextmanager
def _shown() -> Iterator[Progress]:
    console = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        yield progress


@contextmanager
def rejects_file(path: Path | None, *sources: Path) -> Iterator[Callable[[Reject], object]]:
    """Write refused rows to `path` if there is one; `sources` are the files it must not overwrite."""
    if path is None:
        yield lambda _: None
        return
    if path.resolve() in {source.resolve() for source in sources}:
        raise RejectsRefused(f"--rejects {path} would overwrite what is to be read")
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(Reject._fields)
        yield writer.writerow
