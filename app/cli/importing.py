"""import: a table becomes subscribers."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from app.cli import opened
from app.cli.opened import Opened
from app.cli.options import MappingPath, RejectsPath, TablePath, day
from app.cli.progress import bar, rejects_file
from app.pipelines.binding import bind
from app.pipelines.mapping import read_mapping
from app.pipelines.shaping import shaped
from app.pipelines.tables import open_table
from app.services.imports import Import, Tally, import_table
from app.services.subscribers import require_known_day


def import_(
    table: TablePath,
    mapping: MappingPath,
    as_of: Annotated[str, typer.Option(help="The date the table speaks of, YYYY-MM-DD.")],
    rejects: RejectsPath = None,
) -> None:
    """Load subscribers and their features. Bad rows are refused one by one; the same table twice changes nothing."""
    given = read_mapping(mapping)
    opened_table = shaped(open_table(table), given, mapping.parent)
    read = bind(given, opened_table)
    on = day(as_of)

    async def work(store: Opened) -> Tally:
        require_known_day(on, store.settings.today(_now()))
        with rejects_file(rejects, table, mapping) as refuse, bar(f"Importing {table.name}") as progress:
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


def register(cli: typer.Typer) -> None:
    cli.command("import")(import_)
