"""Tables as they come, CSV, Parquet or the answer to a query, read as a stream of rows that know their line."""

import csv
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.domain.texts import why_unsafe
from app.errors import Invalid

if TYPE_CHECKING:
    import _csv

    from pyarrow import RecordBatch

Row = dict[str, Any]

BATCH_ROWS = 16_384
DELIMITERS = ",;\t|"
LONGEST_HEADER = 100_000  # signs, in which a delimiter is looked for


class TableRefused(Invalid):
    """The table cannot be read."""


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that has not the shape of its table."""

    reason: str


@dataclass(frozen=True, slots=True)
class Table:
    """An open table. `rows()` yields (line, row), lines counted as an editor does; `progress()` tells 0…1.

    `aggregated` tells of a column how many of its cells were joined into others when the table was shaped. A table that
    is stored by columns yields its rows in `batches` as well: the line of each one's first row, and its columns.
    """

    columns: tuple[str, ...]
    rows: Callable[[], Iterator[tuple[int, Row | BadRow]]]
    progress: Callable[[], float]
    aggregated: Mapping[str, int] = field(default_factory=dict)
    batches: Callable[[], Iterator[tuple[int, "RecordBatch"]]] | None = None


def open_table(path: Path, environment: Mapping[str, str] = os.environ) -> Table:
    """Open a table. Only a query needs the environment, which names its database."""
    if not path.is_file():
        raise TableRefused(f"{path} is not a file")
    match path.suffix.lower():
        case ".csv" | ".txt" | ".tsv":
            return _open_csv(path)
        case ".parquet":
            return _open_parquet(path)
        case ".sql":
            from app.pipelines.queries import open_query  # noqa: PLC0415  # only a query loads the driver

            return open_query(path, environment)
    raise TableRefused(f"{path} is neither .csv nor .parquet nor .sql")


def without_repeats(path: Path, columns: tuple[str, ...]) -> tuple[str, ...]:
    if repeated := sorted({name for name in columns if columns.count(name) > 1}):
        raise TableRefused(f"{path} names the column {repeated[0]!r} twice")
    return columns


def _open_csv(path: Path) -> Table:
    size = max(path.stat().st_size, 1)
    position = 0

    def rows() -> Iterator[tuple[int, Row | BadRow]]:
        nonlocal position
        # Bytes that are not UTF-8 become surrogates here, so that only their own row is refused later.
        with path.open("rb") as source, TextIOWrapper(source, "utf-8-sig", "surrogateescape", newline="") as file:
            reader = csv.reader(file, delimiter=delimiter)
            next(reader)
            for row in _rows(reader, columns):
                position = source.tell()
                yield reader.line_num, row
            position = size

    delimiter = _delimiter(path)
    columns = _csv_header(path, delimiter)
    return Table(columns, rows, lambda: position / size)


def _delimiter(path: Path) -> str:
    """Return the sign that parts the header into the most columns; a comma, where none does."""
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        line = file.readline(LONGEST_HEADER)
    return max(DELIMITERS, key=lambda sign: len(next(csv.reader([line], delimiter=sign), ())))


def _csv_header(path: Path, delimiter: str) -> tuple[str, ...]:
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        try:
            header = tuple(next(csv.reader(file, delimiter=delimiter)))
        except (StopIteration, csv.Error) as error:
            raise TableRefused(f"{path} has no header line") from error
    if not "".join(header).strip():
        raise TableRefused(f"{path} has no header line")
    for number, name in enumerate(header, 1):
        if why_unsafe(name):
            raise TableRefused(f"{path} names column {number} in bytes that are not UTF-8, or with control characters")
    return without_repeats(path, header)


def _rows(reader: "_csv.Reader", columns: tuple[str, ...]) -> Iterator[Row | BadRow]:
    while True:
        try:
            yield _as_row(columns, next(reader))
        except StopIteration:
            return
        except csv.Error as error:  # a field without end, most often a quote that is never closed
            yield BadRow(str(error))


def _as_row(columns: tuple[str, ...], fields: list[str]) -> Row | BadRow:
    if len(fields) != len(columns):
        return BadRow(f"has {len(fields)} fields where the header has {len(columns)}")
    return dict(zip(columns, fields, strict=True))


def _open_parquet(path: Path) -> Table:
    from pyarrow import ArrowException  # noqa: PLC0415  # a serving process never pays for it
    from pyarrow.parquet import ParquetFile, read_schema  # noqa: PLC0415  # as above
    from pyarrow.types import is_string  # noqa: PLC0415  # as above

    try:
        schema = read_schema(path)
        # Of a column of words each distinct one is read once.
        file = ParquetFile(path, read_dictionary=[field.name for field in schema if is_string(field.type)])
    except (ArrowException, OSError) as error:
        raise TableRefused(f"{path} is not a Parquet file") from error
    total = max(file.metadata.num_rows, 1)
    line = 0

    def batches() -> Iterator[tuple[int, "RecordBatch"]]:
        nonlocal line
        line = 0
        try:
            for batch in file.iter_batches(BATCH_ROWS):
                line += len(batch)
                yield line - len(batch) + 1, batch
        except (ArrowException, OSError) as error:
            raise TableRefused(f"{path} is damaged after row {line}") from error

    def rows() -> Iterator[tuple[int, Row | BadRow]]:
        for first, batch in batches():
            try:
                found = batch.to_pylist()
            except UnicodeDecodeError as error:
                raise TableRefused(f"{path} is damaged after row {first}") from error
            yield from enumerate(found, first)

    columns = without_repeats(path, tuple(file.schema_arrow.names))
    return Table(columns, rows, lambda: line / total, batches=batches)
