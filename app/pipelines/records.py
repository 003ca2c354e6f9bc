"""Rows become records: each value is converted and taken, or refused with its line, its column and a reason."""

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeAlias

from app.domain.features import LARGEST_FLOAT32, Feature, FeatureType
from app.domain.subscribers import SUBSCRIBER_ID
from app.domain.texts import why_unsafe
from app.pipelines.fields import FieldMapping
from app.pipelines.mapping import Mapping
from app.pipelines.tables import BadRow, Row, Table

TRUE_WORDS: Final = frozenset({"yes", "y", "true", "t", "1", "1.0"})
FALSE_WORDS: Final = frozenset({"no", "n", "false", "f", "0", "0.0"})
_ID: Final = re.compile(SUBSCRIBER_ID)
_THOUSANDS: Final = re.compile(r"[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?")
_TEXTS_REMEMBERED: Final = 4096

Reader: TypeAlias = Callable[[str], Any]


class Reject(NamedTuple):
    """One reason why a row was refused: its line in the table, the source column, what is wrong."""

    line: int
    field: str
    reason: str


@dataclass(slots=True)
class Record:
    """One row, taken: what it says of one subscriber."""

    line: int
    subscriber_id: str
    profile: dict[str, Any] = field(default_factory=dict)
    contact: dict[str, str] = field(default_factory=dict)
    consents: dict[str, bool] = field(default_factory=dict)
    features: dict[str, Any] = field(default_factory=dict)

    def places(self) -> dict[str, dict[str, Any]]:
        return {
            "profile": self.profile,
            "contact": self.contact,
            "consents": self.consents,
            "features": self.features,
        }


def records(mapping: Mapping, table: Table) -> Iterator[tuple[Row, Record] | list[Reject]]:
    """Yield each row as a record beside its source, or as the reasons why it is refused. Every row yields once."""
    take = taker(mapping)
    for line, row in table.rows():
        if isinstance(row, BadRow):
            yield [Reject(line, "", row.reason)]
            continue
        taken = take(line, row)
        yield taken if isinstance(taken, list) else (row, taken)


def taker(mapping: Mapping) -> Callable[[int, Row], Record | list[Reject]]:
    """Return the function that takes one row of the mapping's table."""
    ways = [(column, *source.place, converter(source)) for column, source in mapping.sources()]
    features = [(column, name, convert) for column, place, name, convert in ways if place == "features"]
    others = [way for way in ways if way[1] != "features"]

    def take(line: int, row: Row) -> Record | list[Reject]:
        record = Record(line, text_of(row[mapping.id]))
        rejects = []
        if not _ID.fullmatch(record.subscriber_id):
            rejects.append(Reject(line, mapping.id, "is not a subscriber id (1 to 64 of A-Z a-z 0-9 . _ : -)"))
        for column, name, convert in features:
            try:
                record.features[name] = convert(row[column])
            except ValueError as error:
                rejects.append(Reject(line, column, str(error)))
        for column, place, name, convert in others:
            try:
                value = convert(row[column])
            except ValueError as error:
                rejects.append(Reject(line, column, str(error)))
            else:
                if value is not None:
                    record.places()[place][name] = value
        return rejects or record

    return take


def converter(source: FieldMapping) -> Callable[[Any], Any]:
    """Return the function that converts one cell: to None where it is missing, with a ValueError where it is refused.

    A number is a float, a boolean a bool, a category or another text a str; a date is a date, and as a feature its ISO
    text.
    """
    missing = frozenset({"", *(word.strip() for word in source.missing)})
    part, read = _part(source), _reader(source)
    dates = source.type == "date"

    def convert(raw: Any) -> Any:
        text = raw.strip() if type(raw) is str else _single(raw)
        if part is not None and text not in missing:
            text = part(text)
        if text in missing:
            return None
        if dates and isinstance(raw, date):
            return _placed(source, day_of(raw))
        return read(text)

    return convert


def text_of(raw: Any) -> str:
    """Return a cell as the text it would be in a CSV file, without white space around it."""
    if raw is None or raw != raw:  # noqa: PLR0124  # only a NaN differs from itself
        return ""
    return str(raw).strip()


def day_of(raw: Any, form: str | None = None) -> date | None:
    """Return the day a cell names, None for a blank one. Raises ValueError where it is no date of the form."""
    if isinstance(raw, date):
        return raw.date() if isinstance(raw, datetime) else raw
    text = text_of(raw)
    try:
        # Without a form a time of day may follow, as ISO 8601 writes it.
        return (datetime.strptime(text, form) if form else datetime.fromisoformat(text)).date() if text else None  # noqa: DTZ007  # a date has no zone
    except ValueError:
        raise ValueError(f"is not a date of the form {form or 'YYYY-MM-DD'}") from None


def number_in(text: str) -> float | None:
    """Return the finite number a text writes, or None. Commas may part its thousands: 1,234.5."""
    try:
        value = float(text.replace(",", "") if "," in text and _THOUSANDS.fullmatch(text) else text)
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in text else None


def _single(raw: Any) -> str:
    if isinstance(raw, dict | list | bytes):
        raise ValueError("is no single value")  # noqa: TRY004  # the reason why a cell is refused
    return text_of(raw)


def _part(source: FieldMapping) -> Reader | None:
    if source.part is None:
        return None
    by, take = source.part.by, source.part.take

    def part(text: str) -> str:
        parts = text.split(by)
        if len(parts) < take:
            raise ValueError(f"has no part {take} when split at {by!r}")
        return parts[take - 1].strip()

    return part


def _reader(source: FieldMapping) -> Reader:
    match source.type:
        case "number":
            return _number_reader(source)
        case "boolean":
            return _boolean
        case "date":
            return lru_cache(_TEXTS_REMEMBERED)(lambda text: _placed(source, day_of(text, source.format)))
        case "category":
            return lru_cache(_TEXTS_REMEMBERED)(_category)
        case "text":
            return _text


def _number_reader(source: FieldMapping) -> Reader:
    feature = Feature(source.to, FeatureType.NUMBER, minimum=source.min, maximum=source.max)
    least = -LARGEST_FLOAT32 if source.min is None else source.min
    most = LARGEST_FLOAT32 if source.max is None else source.max
    # A column of floats writes the mark 999 as 999.0.
    marks = frozenset(map(number_in, source.missing)) - {None}

    def number(text: str) -> float | None:
        value = number_in(text)
        if value is None:
            raise ValueError("is not a number")
        if value in marks:
            return None
        if not least <= value <= most:
            raise ValueError(feature.why_refused(value))
        return value

    return number


def _boolean(text: str) -> bool:
    word = text.lower()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise ValueError("is not yes or no")


def _category(text: str) -> str:
    if reason := why_unsafe(text) or Feature("", FeatureType.CATEGORY).why_refused(text):
        raise ValueError(reason)
    return text


def _text(text: str) -> str:
    if reason := why_unsafe(text):
        raise ValueError(reason)
    return text


def _placed(source: FieldMapping, day: date | None) -> date | str | None:
    return day.isoformat() if day and source.place[0] == "features" else day
