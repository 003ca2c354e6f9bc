"""score: a table becomes a table of scores with their reasons."""

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli.options import AsOf, MappingPath, RejectsPath, TablePath, day
from app.cli.progress import bar, rejects_file
from app.errors import Invalid
from app.ml.bundle import load_bundle
from app.pipelines.binding import bind
from app.pipelines.mapping import read_mapping
from app.pipelines.scoring import Scoring, fit_to, score_table
from app.pipelines.shaping import shaped
from app.pipelines.tables import open_table


class OutRefused(Invalid):
    """The scores cannot be written there."""


def score(
    table: TablePath,
    mapping: MappingPath,
    bundle: Annotated[Path, typer.Option(help="The bundle's folder: MODELS/NAME/VERSION.")],
    out: Annotated[Path, typer.Option(help="A .csv or .parquet file: id, probability, band, drivers.")],
    as_of: AsOf = None,
    rejects: RejectsPath = None,
) -> None:
    """Score every row of a table, with its five strongest drivers. Bad rows are refused one by one."""
    if out.suffix not in {".csv", ".parquet"}:
        raise OutRefused(f"--out {out} is neither .csv nor .parquet")
    if out.resolve() in {path.resolve() for path in (table, mapping, *filter(None, [rejects]))}:
        raise OutRefused(f"--out {out} would overwrite what is to be read")
    model = load_bundle(bundle)
    given = read_mapping(mapping)
    opened = shaped(open_table(table), given, mapping.parent)
    fitted = fit_to(model, bind(given, opened))
    on = day(as_of) if as_of else datetime.now(UTC).date()
    with (
        rejects_file(rejects, table, mapping) as refuse,
        bar(f"Scoring {table.name}") as progress,
        _written(out) as write,
    ):
        tally = score_table(Scoring(model, opened, fitted, on, write, refuse, progress))
    typer.echo(f"{tally.read} rows read = {tally.scored} scored + {tally.refused} refused")
    if tally.refused:
        typer.echo(f"refused rows: {rejects}" if rejects else "name a file with --rejects to see why rows are refused")


@contextmanager
def _written(out: Path) -> Iterator[Callable[[dict[str, Sequence[Any]]], None]]:
    """Write batches to `out`, which appears whole at the end or not at all."""
    import pyarrow as pa  # noqa: PLC0415  # only this command needs it
    from pyarrow import csv, parquet  # noqa: PLC0415  # as above

    draft = out.with_name(f".{out.name}.{secrets.token_hex(4)}")
    make = parquet.ParquetWriter if out.suffix == ".parquet" else csv.CSVWriter
    writer = None

    def write(batch: dict[str, Sequence[Any]]) -> None:
        nonlocal writer
        table = pa.table(batch)
        writer = writer or make(draft, table.schema)
        writer.write_table(table)

    try:
        yield write
        if writer is None:
            raise OutRefused("no row of the table could be scored")
        writer.close()
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)


def register(cli: typer.Typer) -> None:
    cli.command("score")(score)
