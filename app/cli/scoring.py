"""score: a table becomes a table of scores with their reasons."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from app.cli.options import AsOf, MappingPath, RejectsPath, TablePath, day
from app.cli.progress import bar, rejects_file
from app.errors import Invalid
from app.ml.bundle import load_bundle
from app.pipelines.binding import bind
from app.pipelines.mapping import read_mapping
from app.pipelines.shaping import shaped
from app.pipelines.tables import open_table

if TYPE_CHECKING:
    from pyarrow import RecordBatch

PARQUET: Final = ".parquet"


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
    from app.pipelines.scoring import Scoring, fit_to, score_table  # noqa: PLC0415  # it loads Arrow

    if out.suffix not in {".csv", PARQUET}:
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
def _written(out: Path) -> Iterator[Callable[["RecordBatch"], None]]:
    """Write batches to `out`, which appears whole at the end or not at all."""
    from app.pipelines.scored import as_texts  # noqa: PLC0415  # it loads Arrow

    draft = out.with_name(f".{out.name}.{secrets.token_hex(4)}")
    writer = None

    def write(batch: "RecordBatch") -> None:
        nonlocal writer
        batch = batch if out.suffix == PARQUET else as_texts(batch)
        writer = writer or _open(draft, out.suffix, batch)
        writer.write_batch(batch)

    try:
        yield write
        if writer is None:
            raise OutRefused("no row of the table could be scored")
        writer.close()
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)


def _open(draft: Path, form: str, batch: "RecordBatch") -> Any:
    from pyarrow import csv, parquet, types  # noqa: PLC0415  # only this command needs it

    if form == PARQUET:
        # Without our schema a reader finds plain texts where we write words by their number.
        words = [field.name for field in batch.schema if types.is_dictionary(field.type)]
        return parquet.ParquetWriter(draft, batch.schema, store_schema=False, use_dictionary=words)
    return csv.CSVWriter(draft, batch.schema)


def register(cli: typer.Typer) -> None:
    cli.command("score")(score)
