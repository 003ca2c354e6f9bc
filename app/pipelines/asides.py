"""What a row tells beside its features: its day, what its label says, its group and its segments."""

from collections.abc import Callable
from collections.abc import Mapping as Values
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from app.domain.features import FeatureValue
from app.pipelines.fields import FieldMapping
from app.pipelines.mapping import Mapping, MappingRefused, Moved, Tiers, require_columns
from app.pipelines.questions import Label, Own, Question, tell
from app.pipelines.records import Reject, converter, text_of
from app.pipelines.tables import Row, Table

PROFILE_SEGMENTS: Final = ("region", "brand", "value_tier", "payment_type")


@dataclass(frozen=True, slots=True)
class Aside:
    """The day of a row, what its label's column says, and of some features the day since when they are known."""

    day: date | None
    said: FeatureValue
    since: Values[str, date | None]


class Asides:
    """Reads the asides of a table. Raises MappingRefused if it has not the columns.

    Each row has a day in the column `dated_by`, or all have one `day`, or none. `dated` leads from a feature to the
    column that says since when it is known, `segments` from a segment's name to its column.
    """

    def __init__(self, table: Table, mapping: Mapping, label: Label, question: Question) -> None:
        self.dated_by = mapping.as_of.column if mapping.as_of else None
        self.day = _day_of_all(mapping, question)
        self.dated = _dated(mapping)
        self.grouped_by = mapping.group or _column_of(mapping, "group_id")
        profile = {name: column for name in PROFILE_SEGMENTS if (column := _column_of(mapping, name))}
        self.segments = profile | {column: column for column in mapping.segments}
        self._missing = {column: source.missing for column, source in mapping.sources()}
        self._gone = None if isinstance(label, Own) else mapping.label.port_out
        self._forced = mapping.label.involuntary
        self._ways = [(label.column, self._label_reader(label)), *((c, _date_reader()) for c in self.dated.values())]
        if mapping.as_of and self.dated_by:
            self._ways.append((self.dated_by, _day_reader(mapping.as_of.format)))
        moves = (moved.column for moved in (self._gone, self._forced) if moved)
        named = [*(column for column, _ in self._ways), *moves, self.grouped_by, *self.segments.values()]
        require_columns(filter(None, named), table.columns)

    def read(self, line: int, row: Row) -> Aside | Reject:
        """Read what one row says, or say why it is refused."""
        values = []
        for column, convert in self._ways:
            try:
                values.append(convert(row[column]))
            except ValueError as error:
                return Reject(line, column, str(error))
        said, *known = values
        day = known.pop() if self.dated_by else self.day
        return Aside(day, said, dict(zip(self.dated, known, strict=True)))

    def is_gone(self, row: Row) -> bool:
        """Say whether the row tells of a port-out."""
        return self._tells_of(self._gone, row)

    def is_forced(self, row: Row) -> bool:
        """Say whether the row tells that whoever leaves then has to."""
        return self._tells_of(self._forced, row)

    def text(self, row: Row, column: str) -> str | None:
        """Return a cell as plain text, None where it says nothing."""
        return self._plain(column, row[column]) or None

    def _tells_of(self, moved: Moved | None, row: Row) -> bool:
        return moved is not None and self._plain(moved.column, row[moved.column]) in moved.values

    def _plain(self, column: str, raw: Any) -> str:
        text = text_of(raw)
        return "" if text.lower() in {"", "nan"} or text in self._missing.get(column, ()) else text

    def _label_reader(self, label: Label) -> Callable[[Any], Any]:
        if isinstance(label, Tiers):
            marks = self._missing.get(label.column, ())
            return converter(FieldMapping(to="features.amount", type="number", missing=marks))
        return lambda raw: tell(label, self._plain(label.column, raw))


def _date_reader(form: str | None = None) -> Callable[[Any], Any]:
    return converter(FieldMapping(to="profile.joined_on", type="date", format=form))


def _day_reader(form: str | None) -> Callable[[Any], Any]:
    read = _date_reader(form)

    def day(raw: Any) -> Any:
        found = read(raw)
        if found is None:
            raise ValueError("is empty, and nobody knows which day the row speaks of")
        return found

    return day


def _column_of(mapping: Mapping, name: str) -> str | None:
    """Name the source column of a profile field."""
    return next((column for column, source in mapping.sources() if source.place == ("profile", name)), None)


def _dated(mapping: Mapping) -> dict[str, str]:
    """Name the features whose values are known since a day, and the columns of those days."""
    named = ((source.place, source.dated) for _, source in mapping.sources())
    return {name: column for (place, name), column in named if column and place == "features"}


def _day_of_all(mapping: Mapping, question: Question) -> date | None:
    if mapping.as_of is None:
        return question.as_of
    if mapping.as_of.column and question.as_of:
        raise MappingRefused(f"--as-of would date the rows that the column {mapping.as_of.column!r} dates")
    return question.as_of or mapping.as_of.day
