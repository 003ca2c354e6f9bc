"""The cleaning report (B13): what became of every row and every cell, in counts that add up."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import eq
from typing import Any, Final

from app.pipelines.fields import FieldMapping
from app.pipelines.mapping import Mapping
from app.pipelines.records import converter
from app.pipelines.tables import Row, Table

_SPELLED: Final = {"%d": "dd", "%m": "mm", "%Y": "yyyy", "%y": "yy", "%H": "hh", "%M": "mm", "%S": "ss"}


@dataclass(frozen=True, slots=True)
class RowCleaning:
    """read = kept + the sum of `filtered`, which holds each reason in words with its rows."""

    read: int
    kept: int
    filtered: dict[str, int]


@dataclass(frozen=True, slots=True)
class ColumnCleaning:
    """read = as_is + converted + missing + refused; of those read, how many came of a split or an aggregation.

    A row that has not the shape of its table has no cells. `conversion` says in words what was made of what.
    """

    column: str
    feature: str
    read: int
    as_is: int
    converted: int
    missing: int
    refused: int
    split: int
    aggregated: int
    conversion: str


@dataclass(frozen=True, slots=True)
class Cleaning:
    rows: RowCleaning
    columns: tuple[ColumnCleaning, ...]


@dataclass(slots=True)
class ColumnCount:
    """Counts the cells of one column as they are read, a chunk at a time and never a cell at a time."""

    column: str
    source: FieldMapping
    aggregated: int = 0
    as_is: int = 0
    converted: int = 0
    missing: int = 0
    refused: int = 0
    kinds: set[type] = field(default_factory=set)

    def add(self, raw: Sequence[Any], values: Sequence[Any]) -> None:
        """Count cells beside the values that were made of them."""
        missing = values.count(None)
        as_is = self._as_is(raw, values)
        self.missing += missing
        self.as_is += as_is
        self.converted += len(values) - missing - as_is
        self.kinds.update(map(type, raw))

    def _as_is(self, raw: Sequence[Any], values: Sequence[Any]) -> int:
        if self.source.type == "boolean":  # 1 equals True
            return list(map(type, raw)).count(bool)
        if self.source.type == "date":  # a date is what its text says
            raw, values = list(map(str, raw)), list(map(str, values))
            return list(map(eq, raw, values)).count(True) - raw.count("None")
        return list(map(eq, raw, values)).count(True) - raw.count(None)  # None is equal and missing

    @property
    def is_split(self) -> bool:
        return self.source.part is not None

    def finish(self) -> ColumnCleaning:
        read = self.as_is + self.converted + self.missing + self.refused
        place, name = self.source.place
        return ColumnCleaning(
            self.column,
            name if place == "features" else self.source.to,
            read,
            self.as_is,
            self.converted,
            self.missing,
            self.refused,
            read if self.is_split else 0,
            self.aggregated,
            self._conversion() if self.converted else "",
        )

    def _conversion(self) -> str:
        is_text = str in self.kinds
        match self.source.type:
            case "number":
                return "text to number" if is_text else "decimal to number"
            case "boolean":
                return "yes/no to true/false" if is_text else "0/1 to true/false"
            case "date":
                return f"{_spelled(self.source.format) if is_text else 'time'} to date"
        if not is_text:
            return "number to text"
        return "part of a text" if self.is_split else "spaces trimmed"


def _spelled(form: str | None) -> str:
    text = form or "%Y-%m-%d"
    for code, word in _SPELLED.items():
        text = text.replace(code, word)
    return text


class CellCounts:
    """The counts of all that the mapping makes of a table's columns."""

    def __init__(self, mapping: Mapping, table: Table) -> None:
        self.columns = [ColumnCount(name, source, table.aggregated.get(name, 0)) for name, source in mapping.sources()]
        self._converters = [converter(count.source) for count in self.columns]

    def add_refused(self, row: Row) -> None:
        """Count the cells of a row that is refused, most of which may be as they should be."""
        for count, convert in zip(self.columns, self._converters, strict=True):
            try:
                value = convert(row[count.column])
            except ValueError:
                count.refused += 1
            else:
                count.add([row[count.column]], [value])

    def finish(self) -> tuple[ColumnCleaning, ...]:
        return tuple(count.finish() for count in self.columns)
