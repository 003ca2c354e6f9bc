"""Tables of another shape, one value a row or columns in several tables, made one row a subscriber and day."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from heapq import merge
from operator import add, itemgetter
from pathlib import Path
from typing import Any, Final

from app.pipelines.mapping import AsOf, Join, Mapping, Narrow, require_columns
from app.pipelines.records import day_of, number_in, text_of
from app.pipelines.tables import BadRow, Row, Table, TableRefused, open_table

MOST_NAMES: Final = 1000
_JOINED_AS_NUMBERS: Final[dict[str, Callable[[float, float], float]]] = {
    "sum": add,
    "mean": add,
    "min": min,
    "max": max,
}

Cells = tuple[Any, ...]


def shaped(table: Table, mapping: Mapping, folder: Path) -> Table:
    """Return the table as the mapping shapes it: a narrow one made wide, then joined with others found in `folder`.

    A narrow table is held in memory, and so is each second table of a join.
    """
    if mapping.narrow:
        table = _widened(table, mapping, mapping.narrow)
    for join in mapping.joins:
        table = _joined(table, join, mapping.as_of, folder)
    return table


# ── narrow tables ──


@dataclass(slots=True)
class _Wide:
    """A row in the making: its first line, the cells beside the values, the values, and what was joined.

    `joined` counts by column the cells that came after the first.
    """

    line: int
    beside: list[Any]
    values: list[Any] = field(default_factory=list)
    joined: Counter[str] = field(default_factory=Counter)


def _widened(table: Table, mapping: Mapping, narrow: Narrow) -> Table:
    """Make one row of all rows of one id (and day): each name becomes a column, other columns keep their last cell."""
    keys = [mapping.id, mapping.as_of.column] if mapping.as_of and mapping.as_of.column else [mapping.id]
    require_columns([*keys, narrow.name, narrow.value], table.columns)
    others = [column for column in table.columns if column not in {narrow.name, narrow.value}]
    names: dict[str, int] = {}
    wide: dict[Cells, _Wide] = {}
    bad: list[tuple[int, BadRow]] = []
    for line, row in table.rows():
        if isinstance(row, BadRow):
            bad.append((line, row))
            continue
        key, name = tuple(text_of(row[column]) for column in keys), text_of(row[narrow.name])
        if reason := _why_nowhere(key[0], name, mapping.id, narrow, others):
            bad.append((line, BadRow(reason)))
            continue
        if names.setdefault(name, len(names)) == MOST_NAMES:
            raise TableRefused(f"line {line}: {narrow.name!r} holds more than {MOST_NAMES} different names")
        beside = [row[column] for column in others]
        if key not in wide:
            wide[key] = _Wide(line, beside)
        _keep_last(wide[key], others, beside)
        if text_of(row[narrow.value]):
            _put(wide[key], names[name], name, row[narrow.value], line, narrow)
    return _as_table(table, wide, bad, others, names, narrow)


def _why_nowhere(id: str, name: str, id_column: str, narrow: Narrow, others: list[str]) -> str | None:
    if not id:
        return f"has no id in {id_column!r}"
    if not name:
        return f"has no name in {narrow.name!r}"
    return f"has in {narrow.name!r} the name of the column {name!r}" if name in others else None


def _keep_last(one: _Wide, others: list[str], beside: list[Any]) -> None:
    for column, before, after in zip(others, one.beside, beside, strict=True):
        if before != after and text_of(before) != text_of(after):  # of two NaN, neither equals the other
            one.joined[column] += 1
    one.beside = beside


def _put(one: _Wide, position: int, name: str, value: Any, line: int, narrow: Narrow) -> None:
    one.values.extend([None] * (position + 1 - len(one.values)))
    before = one.values[position]
    if before is None:
        one.values[position] = value
        return
    one.joined[name] += 1
    if narrow.aggregate == "last":
        one.values[position] = value
    elif join := _JOINED_AS_NUMBERS.get(narrow.aggregate):
        numbers = number_in(text_of(before)), number_in(text_of(value))
        if numbers[0] is None or numbers[1] is None:
            raise TableRefused(f"line {line}: {narrow.value!r} repeats what is no number: {narrow.aggregate} needs one")
        one.values[position] = join(numbers[0], numbers[1])


def _as_table(
    source: Table,
    wide: dict[Cells, _Wide],
    bad: list[tuple[int, BadRow]],
    others: list[str],
    names: dict[str, int],
    narrow: Narrow,
) -> Table:
    aggregated = Counter(column for one in wide.values() for column in one.joined)
    done = 0

    def rows() -> Iterator[tuple[int, Row | BadRow]]:
        nonlocal done
        made: Iterator[tuple[int, Row | BadRow]] = (
            (one.line, _as_row(one, others, names, narrow)) for one in wide.values()
        )
        for done, found in enumerate(merge(made, bad, key=itemgetter(0)), 1):  # noqa: B007  # progress reads it
            yield found

    return replace(
        source,
        columns=(*others, *names),
        rows=rows,
        progress=lambda: done / max(len(wide) + len(bad), 1),
        aggregated=aggregated,
        batches=None,
    )


def _as_row(one: _Wide, others: list[str], names: Iterable[str], narrow: Narrow) -> Row:
    row = dict(zip(others, one.beside, strict=True)) | dict.fromkeys(names)
    for name, value in zip(names, one.values, strict=False):
        if value is None:
            continue
        told = 1 + one.joined[name]
        if narrow.aggregate == "count":
            row[name] = told
        elif narrow.aggregate == "mean" and told > 1:  # a single value is left as it was told
            row[name] = value / told
        else:
            row[name] = value
    return row


# ── joins ──


def _joined(table: Table, join: Join, as_of: AsOf | None, folder: Path) -> Table:
    """Add the columns of a second table; those of a row that finds nothing there are blank."""
    second = open_table(folder / join.table)
    for column in filter(None, (join.on, join.since)):
        if column not in second.columns:
            raise TableRefused(f"{join.table} has no column {column!r} to join it by")
    require_columns([join.on], table.columns)
    new = tuple(column for column in second.columns if column not in {join.on, join.since})
    if clash := sorted(set(new) & set(table.columns)):
        raise TableRefused(f"{join.table} has a column {clash[0]!r} as the table has: rename one of them")
    day = _day_reader(as_of) if join.since else lambda _: date.max
    if as_of and as_of.column and join.since:
        require_columns([as_of.column], table.columns)
    histories = _histories(second, join, new)
    nothing = (None,) * len(new)

    def found(row: Row) -> Row | BadRow:
        try:
            at = day(row)
        except ValueError as error:
            return BadRow(str(error))
        history = histories.get(_key(row[join.on]), [])
        known = bisect_right(history, at, key=itemgetter(0))
        return row | dict(zip(new, history[known - 1][1] if known else nothing, strict=True))

    def rows() -> Iterator[tuple[int, Row | BadRow]]:
        for line, row in table.rows():
            yield line, row if isinstance(row, BadRow) else found(row)

    return replace(table, columns=(*table.columns, *new), rows=rows, batches=None)


def _day_reader(as_of: AsOf | None) -> Callable[[Row], date]:
    """Return the function that tells which day a row speaks of, or why not."""
    if as_of is None or as_of.column is None:
        day = as_of.day if as_of else None
        return lambda _: day or date.min
    column, form = as_of.column, as_of.format

    def read(row: Row) -> date:
        try:
            day = day_of(row[column], form)
        except ValueError as error:
            raise ValueError(f"{column} {error}") from None
        if day is None:
            raise ValueError(f"{column} is blank")
        return day

    return read


def _histories(second: Table, join: Join, new: tuple[str, ...]) -> dict[str, list[tuple[date, Cells]]]:
    """Return what the second table says of each key, by ascending date; without dates, at one time for good."""
    histories: dict[str, list[tuple[date, Cells]]] = {}
    seen = set[tuple[str, date]]()
    for line, row in second.rows():
        if isinstance(row, BadRow):
            raise TableRefused(f"{join.table} line {line}: {row.reason}")
        key, since = _key(row[join.on]), _since(row, line, join)
        if not key:
            continue
        if (key, since) in seen:
            again = f" for the same {join.since!r}" if join.since else ", and no column is named as since"
            raise TableRefused(f"{join.table} line {line}: the same {join.on!r} stands there twice{again}")
        seen.add((key, since))
        histories.setdefault(key, []).append((since, tuple(row[column] for column in new)))
    for history in histories.values():
        history.sort(key=itemgetter(0))
    return histories


def _since(row: Row, line: int, join: Join) -> date:
    if join.since is None:
        return date.min
    try:
        since = day_of(row[join.since], join.format)
    except ValueError as error:
        raise TableRefused(f"{join.table} line {line}: {join.since} {error}") from None
    if since is None:
        raise TableRefused(f"{join.table} line {line}: {join.since} is blank, and nobody knows since when it holds")
    return since


def _key(raw: Any) -> str:
    """Return a key as text: a column of floats writes the key 12 as 12.0."""
    return text_of(int(raw) if isinstance(raw, float) and raw.is_integer() else raw)
