"""The rows of a table, taken or refused one by one, and held once, column by column."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from operator import attrgetter, itemgetter
from typing import Any, Final

from app.domain.features import FeatureType, FeatureValue
from app.errors import Invalid
from app.pipelines.asides import Aside, Asides
from app.pipelines.cleaning import CellCounts
from app.pipelines.fields import FieldMapping
from app.pipelines.mapping import Mapping
from app.pipelines.questions import Label, Question, label_of
from app.pipelines.records import Record, Reject, taker
from app.pipelines.tables import BadRow, Row, Table

CHUNK_ROWS: Final = 512  # few enough that their cells are still near when they are counted


class RowsRefused(Invalid):
    """Some rows do not fit the mapping."""


@dataclass(slots=True)
class Observations:
    """The rows taken, aligned: `said` is what the label's column tells, `gone` who had ported out by then.

    `columns` holds every feature, a date as ISO text; `since` the days, likewise, since when some of them are known.
    `days` are all None where nothing dates the rows.
    """

    columns: dict[str, list[FeatureValue]]
    segments: dict[str, list[str | None]]
    since: dict[str, list[str | None]]
    groups: list[str | None] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    days: list[date | None] = field(default_factory=list)
    said: list[FeatureValue] = field(default_factory=list)
    gone: list[bool] = field(default_factory=list)
    forced: list[bool] = field(default_factory=list)

    def known_since(self, name: str) -> Sequence[FeatureValue]:
        """Return the days since when a feature is known: those of its own column of days, or the dates that it is."""
        return self.since[name] if name in self.since else self.columns[name]


_Taken = tuple[Row, Record, Aside]


class Reader:
    """Reads a table for a question. Raises TargetRefused or MappingRefused if the table cannot answer it."""

    def __init__(self, table: Table, mapping: Mapping, question: Question) -> None:
        self.label: Label = label_of(question, mapping, table)
        self.asides = Asides(table, mapping, self.label, question)
        self.cells = CellCounts(mapping, table)
        self.rows = Observations(
            {feature.name: [] for feature in mapping.features()},
            {name: [] for name in self.asides.segments},
            {name: [] for name in self.asides.dated},
        )
        self.read_rows = self.refused_rows = 0
        self._table, self._id, self._take_record = table, mapping.id, taker(mapping)
        self._first: dict[tuple[str, date | None], int] = {}
        self._known: dict[FeatureValue, FeatureValue] = {}

    def read(self, reject: Callable[[Reject], object] | None, progress: Callable[[float], None] | None) -> None:
        """Read every row. The first that does not fit stops it, unless `reject` hears of them."""
        rows = self._table.rows()
        while chunk := list(islice(rows, CHUNK_ROWS)):
            self._keep([taken for line, row in chunk if (taken := self._take_or_refuse(line, row, reject))])
            if progress:
                progress(self._table.progress())

    def _take_or_refuse(self, line: int, row: Row | BadRow, reject: Callable[[Reject], object] | None) -> _Taken | None:
        self.read_rows += 1
        taken = [Reject(line, "", row.reason)] if isinstance(row, BadRow) else self._take(line, row)
        if isinstance(taken, tuple):
            return taken
        if reject is None:
            raise RowsRefused(" ".join(filter(None, (f"line {line}:", taken[0].field, taken[0].reason))))
        for reason in taken:
            reject(reason)
        self.refused_rows += 1
        if not isinstance(row, BadRow):
            self.cells.add_refused(row)
        return None

    def _take(self, line: int, row: Row) -> _Taken | list[Reject]:
        record = self._take_record(line, row)
        if isinstance(record, list):
            return record
        aside = self.asides.read(line, row)
        if isinstance(aside, Reject):
            return [aside]
        dated_by = self.asides.dated_by
        first = self._first.setdefault((record.subscriber_id, aside.day if dated_by else None), line)
        if first != line:
            again = f"repeats that of line {first}" + (f" for the same {dated_by}" if dated_by else "")
            return [Reject(line, self._id, again)]
        return row, record, aside

    def _keep(self, chunk: Sequence[_Taken]) -> None:
        cells, records, rows = [row for row, _, _ in chunk], [record for _, record, _ in chunk], self.rows
        for count in self.cells.columns:
            place, name = count.source.place
            values = self._held(count.source, _values(records, place, name))
            count.add(list(map(itemgetter(count.column), cells)), values)
            if place == "features":
                rows.columns[name] += values
        rows.lines += [record.line for record in records]
        rows.ids += [record.subscriber_id for record in records]
        self._keep_asides(chunk)

    def _keep_asides(self, chunk: Sequence[_Taken]) -> None:
        asides, rows = self.asides, self.rows
        rows.days += [aside.day for _, _, aside in chunk]
        rows.said += [aside.said for _, _, aside in chunk]
        rows.gone += [asides.is_gone(row) for row, _, _ in chunk]
        rows.forced += [asides.is_forced(row) for row, _, _ in chunk]
        if asides.grouped_by:
            rows.groups += [asides.text(row, asides.grouped_by) for row, _, _ in chunk]
        for name, column in asides.segments.items():
            rows.segments[name] += [asides.text(row, column) for row, _, _ in chunk]
        for name, days in rows.since.items():
            days += [_iso(aside.since[name]) for _, _, aside in chunk]

    def _held(self, source: FieldMapping, values: list[Any]) -> list[Any]:
        """Return the values as a dataset holds them: a date as its text, a level once however often it comes."""
        match source.type:
            case FeatureType.DATE:
                return [_iso(value) for value in values]
            case FeatureType.CATEGORY:
                return [self._known.setdefault(value, value) for value in values]
        return values


def _values(records: Sequence[Record], place: str, name: str) -> list[Any]:
    """Return what each record has in one place, None where it has nothing."""
    held = map(attrgetter(place), records)
    return list(map(itemgetter(name), held)) if place == "features" else [found.get(name) for found in held]


def _iso(day: date | str | None) -> str | None:
    return None if day is None else str(day)
