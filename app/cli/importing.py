"""import: a table becomes subscribers, touchpoints or survey responses."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from app.cli import opened
from app.cli.opened import Opened
from app.cli.options import AsOf, OptionalMappingPath, RejectsPath, TablePath, day
from app.cli.progress import bar, rejects_file
from app.pipelines.binding import bind
from app.pipelines.mapping import read_mapping
from app.pipelines.shaping import shaped
from app.pipelines.tables import open_table
from app.services import row_imports
from app.services.imports import Import, Tally, import_table
from app.services.ledger import measure_base
from app.services.row_imports import Into
from app.services.subscribers import require_known_day
from app.services.touchpoints import Change

SUBSCRIBERS: Final = "subscribers"


def import_(
    table: TablePath,
    mapping: OptionalMappingPath = None,
    as_of: AsOf = None,
    into: Annotated[str, typer.Option(help="What its rows become: subscribers, touchpoints, survey-responses.")] = (
        SUBSCRIBERS
    ),
    rejects: RejectsPath = None,
) -> None:
    """Load a table. Bad rows are refused one by one; the same table twice changes nothing.

    Subscribers and their features need --mapping and --as-of. Other tables name their columns as the API does.
    """
    if into == SUBSCRIBERS:
        if mapping is None or as_of is None:
            raise typer.BadParameter("subscribers need --mapping and --as-of")
        said, refused = _subscribers(table, mapping, day(as_of), rejects)
    elif into in set(Into):
        said, refused = _rows(table, Into(into), rejects)
    else:
        raise typer.BadParameter(f"--into {into!r} is none of {', '.join([SUBSCRIBERS, *Into])}")
    typer.echo(said)
    if refused:
        typer.echo(f"refused rows: {rejects}" if rejects else "name a file with --rejects to see why rows are refused")


def _subscribers(table: Path, mapping: Path, on: date, rejects: Path | None) -> tuple[str, int]:
    given = read_mapping(mapping)
    opened_table = shaped(open_table(table), given, mapping.parent)
    read = bind(given, opened_table)

    async def work(store: Opened) -> Tally:
        require_known_day(on, store.settings.today(_now()))
        with rejects_file(rejects, table, mapping) as refuse, bar(f"Importing {table.name}") as progress:
            job = Import(opened_table, read, table.name, on, refuse, progress)
            tally = await import_table(store.sessions, store.vault, job, _now)
        await measure_base(store.sessions, store.settings)
        return tally

    tally = opened.run(work)
    said = (
        f"{tally.read} rows read = {tally.stored} stored + {tally.refused} refused; of those stored"
        f" {tally.created} are new, {tally.changed} changed, {tally.unchanged} as before"
    )
    return said, tally.refused


def _rows(table: Path, into: Into, rejects: Path | None) -> tuple[str, int]:
    opened_table = open_table(table)

    async def work(store: Opened) -> row_imports.Tally:
        with rejects_file(rejects, table) as refuse, bar(f"Importing {table.name}") as progress:
            job = row_imports.RowImport(opened_table, into, refuse, progress)
            return await row_imports.import_rows(store.sessions, store.vault, store.settings, job, _now)

    tally = opened.run(work)
    done = tally.changes
    said = (
        f"{tally.items} {into} read = {sum(done.values())} stored + {tally.refused} refused; of those stored"
        f" {done[Change.CREATED]} are new, {done[Change.CHANGED]} changed, {done[Change.UNCHANGED]} as before"
    )
    return said, tally.refused


def _now() -> datetime:
    return datetime.now(UTC)


def register(cli: typer.Typer) -> None:
    cli.command("import")(import_)
