"""import: a table becomes subscribers."""

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from app.cli import opened
from app.cli.opened import Opened
from app.cli.options import MappingPath, TablePath
from app.errors import Invalid
from app.pipelines.mapping import Reject, bind, read_mapping
from app.pipelines.tables import open_table
from app.services.imports import Import, Tally, import_table
from app.services.subscribers import require_known_day


class DateRefused(Invalid):
    """The date cannot be read."""


class RejectsRefused(Invalid):
    """The refused rows cannot be written there."""


def import_(
    table: TablePath,
    mapping: MappingPath,
    as_of: Annotated[str, typer.Option(help="The date the table speaks of, YYYY-MM-DD.")],
    rejects: Annotated[Path | None, typer.Option(help="Write refused rows here: line, field, reason.")] = None,
) -> None:
    """Load subscribers and their features. Bad rows are refused one by one; the same table twice changes nothing."""
    opened_table = open_table(table)
    read = bind(read_mapping(mapping), opened_table)
    on = _date(as_of)
    if rejects and rejects.resolve() in {table.resolve(), mapping.resolve()}:
        raise RejectsRefused(f"--rejects {rejects} would overwrite what is to be imported")

    async def work(store: Opened) -> Tally:
        require_known_day(on, store.settings.today(_now()))
        with _rejects_file(rejects) as refuse, _bar(f"Importing {table.name}") as progress:
            job = Import(opened_table, read, table.name, on, refuse, progress)
            return await import_table(store.sessions, store.vault, job, _now)

    tally = opened.run(work)
    typer.echo(
        f"{tally.read} rows read = {tally.stored} stored + {tally.refused} refused; of those stored"
        f" {tally.created} are new, {tally.changed} changed, {tally.unchanged} as before"
    )
    if tally.refused:
        typer.echo(f"refused rows: {rejects}" if rejects else "name a file with --rejects to see why rows are refused")


def _now() -> datetime:
    return datetime.now(UTC)


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise DateRefused(f"--as-of {text!r} is not a date such as 2026-10-31") from error


@contextmanager
def _rejects_file(path: Path | None) -> Iterator[Callable[[Reject], object]]:
    if path is None:
        yield lambda _: None
        return
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(Reject._fields)
        yield writer.writerow


@contextmanager
def _bar(title: str) -> Iterator[Callable[[float], None]]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(escape(title), total=1.0)
        yield lambda done: progress.update(task, completed=done)


def register(cli: typer.Typer) -> None:
    cli.command("import")(import_)
