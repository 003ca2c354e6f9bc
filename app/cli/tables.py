"""import and train: commands that read a table through a mapping file."""

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from app.cli import opened
from app.cli.opened import Opened
from app.errors import Invalid
from app.pipelines.mapping import Reject, read_mapping
from app.pipelines.tables import open_table
from app.services.imports import Import, Tally, import_table

TablePath = Annotated[Path, typer.Argument(metavar="TABLE", help="A .csv or .parquet file.")]
MappingPath = Annotated[Path, typer.Option("--mapping", help="YAML: which column goes where.")]


class DateRefused(Invalid):
    """The date cannot be read."""


def import_(
    table: TablePath,
    mapping: MappingPath,
    as_of: Annotated[str, typer.Option(help="The date the table speaks of, YYYY-MM-DD.")],
    rejects: Annotated[Path | None, typer.Option(help="Write refused rows here: line, field, reason.")] = None,
) -> None:
    """Load subscribers and their features. Bad rows are refused one by one; the same table twice changes nothing."""
    opened_table, read = open_table(table), read_mapping(mapping)
    on = _date(as_of)

    async def work(store: Opened) -> Tally:
        with _rejects_file(rejects) as refuse, _bar(f"Importing {table.name}") as progress:
            job = Import(opened_table, read, table.name, on, refuse, progress)
            return await import_table(store.sessions, store.vault, job, datetime.now(UTC))

    tally = opened.run(work)
    typer.echo(
        f"{tally.read} rows read = {tally.stored} stored + {tally.refused} refused; of those stored"
        f" {tally.created} are new, {tally.changed} changed, {tally.unchanged} as before"
    )
    if tally.refused:
        typer.echo(f"refused rows: {rejects}" if rejects else "name a file with --rejects to see why rows are refused")


def train(
    table: TablePath,
    mapping: MappingPath,
    target: Annotated[str, typer.Option(help="The column that tells who left.")],
    positive: Annotated[str, typer.Option(help="Its value for those who did.")],
    out: Annotated[Path, typer.Option(help="The models' folder; the bundle goes to OUT/NAME/VERSION.")],
    kind: Annotated[str, typer.Option(help="port_out, downgrade or arpu_decline.")] = "port_out",
    horizon_days: Annotated[int, typer.Option(help="Days within which the label says they left.")] = 30,
    label_note: Annotated[str, typer.Option(help="What must be known of the label.")] = "",
    seed: Annotated[int, typer.Option()] = 20240601,
    activate: Annotated[bool, typer.Option("--activate", help="Make it the active model of its kind.")] = False,  # noqa: FBT002  # a flag
) -> None:
    """Train a churn model on three quarters of a table, judge it on the rest, export it as a checked bundle."""
    # Training's libraries are large and offline only: no other command loads them.
    from app.cli.training import train_on  # noqa: PLC0415

    console = Console(stderr=True)
    with console.status("Reading the table") as status:
        bundle = train_on(
            table,
            mapping,
            target=target,
            positive=positive,
            churn_kind=kind,
            horizon_days=horizon_days,
            label_note=label_note,
            seed=seed,
            out=out,
            activate=activate,
            progress=status.update,
        )
    typer.echo(bundle)


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
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(title, total=1.0)
        yield lambda done: progress.update(task, completed=done)
