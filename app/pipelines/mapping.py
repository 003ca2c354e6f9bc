"""A mapping file: which source column goes where, and as what. Each value is taken or refused with a reason."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from app.domain.features import Feature, FeatureType, FeatureValue
from app.domain.texts import why_unsafe
from app.errors import Invalid
from app.pipelines.tables import BadRow, Row, Table

PROFILE_FIELDS: Final = frozenset(["region", "brand", "value_tier", "payment_type", "group_id", "joined_on", "status"])
CONTACT_FIELDS: Final = frozenset(["name", "phone", "email", "address"])
TRUE_WORDS: Final = frozenset({"yes", "y", "true", "t", "1", "1.0"})
FALSE_WORDS: Final = frozenset({"no", "n", "false", "f", "0", "0.0"})
INFERRED_WORDS: Final = frozenset({"yes", "no", "true", "false"})
_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_FEATURE: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")

ValueType = Literal["number", "category", "boolean", "date", "text"]


class MappingRefused(Invalid):
    """The mapping file cannot be used."""


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


class FieldMapping(BaseModel):
    """Where one source column goes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    to: str
    type: ValueType
    format: str | None = None
    missing: tuple[str, ...] = ()
    unit: str | None = None
    min: float | None = None
    max: float | None = None

    @model_validator(mode="after")
    def _place_exists(self) -> Self:
        place, _, name = self.to.partition(".")
        if not _is_place(place, name):
            raise ValueError(
                f"to: {self.to!r} is no place; use features.<name>, contact.<name>, consents.<channel>"
                f" or profile.<name> with one of {', '.join(sorted(PROFILE_FIELDS))}"
            )
        if place == "features" and self.type not in set(FeatureType):
            raise ValueError(f"a feature is a number, a category or a boolean, not a {self.type}")
        return self

    @property
    def place(self) -> tuple[str, str]:
        place, _, name = self.to.partition(".")
        return place, name


def _is_place(place: str, name: str) -> bool:
    known = {"profile": PROFILE_FIELDS, "contact": CONTACT_FIELDS}
    if place in known:
        return name in known[place]
    return place in {"features", "consents"} and bool(_FEATURE.fullmatch(name))


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AsOf(_Part):
    """Which day a row speaks of: a column, which makes the table a panel, or one date for all rows."""

    column: str | None = None
    format: str | None = None
    date: str | None = None


class Narrow(_Part):
    """A table of one value a row: the columns that hold the value's name and the value, and how repeats are joined."""

    name: str
    value: str
    aggregate: Literal["last", "first", "sum", "mean", "count", "min", "max"] = "last"


class Join(_Part):
    """Columns of a second table, found by equal values of `on`; with `since`, the latest dated on or before the row."""

    table: str
    on: str
    since: str | None = None


class DerivedMapping(_Part):
    """A declared feature: see `app.domain.formulas`."""

    formula: str
    unit: str | None = None
    replaces: tuple[str, ...] = ()


class Moved(_Part):
    """A label that some values of a column tell."""

    column: str
    values: tuple[str, ...] = Field(min_length=1)


class Ladder(_Part):
    """A label of those who step down: `ladder` from the best brand to the least."""

    column: str
    ladder: tuple[str, ...] = Field(min_length=2)


class Tiers(_Part):
    """A label of those whose average over `months` rows falls below a tier's threshold: `tiers` ascending amounts."""

    column: str
    tiers: tuple[float, ...] = Field(min_length=1)
    months: int = Field(3, ge=1, le=24)


class Labels(_Part):
    """How a panel tells who left, by kind of churn, and who left because they had to."""

    port_out: Moved | None = None
    downgrade: Ladder | None = None
    arpu_decline: Tiers | None = None
    involuntary: Moved | None = None


class Mapping(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    fields: dict[str, FieldMapping] = Field(default_factory=dict)
    everything_else: Literal["ignore", "infer"] = "ignore"
    ignore: tuple[str, ...] = ()
    optional: bool = False
    as_of: AsOf | None = None
    group: str | None = None
    segments: tuple[str, ...] = ()
    narrow: Narrow | None = None
    joins: tuple[Join, ...] = ()
    derived: dict[str, DerivedMapping] = Field(default_factory=dict)
    label: Labels = Labels()
    min_tenure_months: float | None = Field(None, gt=0, le=1200)

    def features(self) -> list[Feature]:
        """The dictionary rows this mapping declares."""
        found = []
        for source in self.fields.values():
            place, name = source.place
            if place == "features":
                kind = FeatureType(source.type)
                found.append(Feature(name, kind, source.unit, source.min, source.max))
        return found


class _Loader(yaml.BaseLoader):
    """Reads YAML whose keys stand once: of a repeated one, the earlier would be lost without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002  # as inherited
        names = [key.value for key, _ in node.value]
        if repeated := [name for name in names if names.count(name) > 1]:
            raise yaml.YAMLError(f"{repeated[0]!r} stands twice")
        return super().construct_mapping(node, deep)


def read_mapping(path: Path) -> Mapping:
    try:
        # Everything is read as the text it is: YAML would make a truth value of a column named `no`.
        fields = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506  # makes texts, lists, dicts
        return Mapping.model_validate(fields)
    except OSError as error:
        raise MappingRefused(f"{path} cannot be read") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise MappingRefused(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise MappingRefused(f"{path}: {where}: {first['msg'].removeprefix('Value error, ')}") from error


def bind(mapping: Mapping, table: Table, *, besides: frozenset[str] = frozenset()) -> Mapping:
    """Check the mapping against the table's columns, and infer the rest, but for `besides`, if it says so."""
    for column in (mapping.id, *mapping.fields):
        if column not in table.columns:
            raise MappingRefused(f"the mapping names the column {column!r}, which the table does not have")
    if mapping.everything_else == "infer":
        unnamed = [name for name in table.columns if name not in {mapping.id, *mapping.fields, *besides}]
        mapping = mapping.model_copy(update={"fields": {**mapping.fields, **_inferred(unnamed, table)}})
    _require_places_of_their_own(mapping)
    return mapping


def _require_places_of_their_own(mapping: Mapping) -> None:
    taken: dict[str, str] = {}
    for column, source in mapping.fields.items():
        if source.to in taken:
            raise MappingRefused(f"the columns {taken[source.to]!r} and {column!r} both go to {source.to}")
        taken[source.to] = column


def _inferred(columns: list[str], table: Table) -> dict[str, FieldMapping]:
    numeric, words = dict.fromkeys(columns, True), dict.fromkeys(columns, True)
    for _, row in table.rows():
        if isinstance(row, BadRow):
            continue
        for column in columns:
            text = _text(row[column])
            if text:
                numeric[column] = numeric[column] and _number_or_none(text) is not None
                words[column] = words[column] and text.lower() in INFERRED_WORDS
    return {
        column: FieldMapping(
            to=f"features.{_feature_name(column)}",
            type="boolean" if words[column] else "number" if numeric[column] else "category",
        )
        for column in columns
    }


def _feature_name(column: str) -> str:
    name = re.sub(r"[^a-z0-9]+", "_", column.lower()).strip("_")[:60]
    return name if _FEATURE.fullmatch(name) else f"f_{name}"[:64]


def records(mapping: Mapping, table: Table) -> Iterator[tuple[Row, Record] | list[Reject]]:
    """Yield each row as a record beside its source, or as the reasons why it is refused. Every row yields once."""
    for line, row in table.rows():
        if isinstance(row, BadRow):
            yield [Reject(line, "", row.reason)]
            continue
        taken = take(mapping, line, row)
        yield taken if isinstance(taken, list) else (row, taken)


def take(mapping: Mapping, line: int, row: Row) -> Record | list[Reject]:
    record = Record(line, _text(row[mapping.id]))
    rejects = []
    if not _ID.fullmatch(record.subscriber_id):
        rejects.append(Reject(line, mapping.id, "is not a subscriber id (1 to 64 of A-Z a-z 0-9 . _ : -)"))
    places = record.places()
    for column, source in mapping.fields.items():
        place, name = source.place
        try:
            value = _convert(source, row[column])
        except ValueError as error:
            rejects.append(Reject(line, column, str(error)))
            continue
        if value is not None or place == "features":
            places[place][name] = value
    return rejects or record


def _convert(source: FieldMapping, raw: Any) -> Any:
    text = _text(raw)
    if not text or text in source.missing or str(raw) in source.missing:
        return None
    match source.type:
        case "number":
            return _fitting(source, FeatureType.NUMBER, _number(text))
        case "boolean":
            return _boolean(text)
        case "date":
            return _date(raw, text, source.format)
        case "category":
            return _fitting(source, FeatureType.CATEGORY, _clean(text))
        case "text":
            return _clean(text)


def _text(raw: Any) -> str:
    if raw is None or (isinstance(raw, float) and math.isnan(raw)):
        return ""
    return str(raw).strip()


def _number_or_none(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in text else None


def _number(text: str) -> float:
    value = _number_or_none(text)
    if value is None:
        raise ValueError("is not a number")
    return value


def _fitting(source: FieldMapping, kind: FeatureType, value: FeatureValue) -> FeatureValue:
    feature = Feature(source.to, kind, minimum=source.min, maximum=source.max)
    if reason := feature.why_refused(value):
        raise ValueError(reason)
    return value


def _boolean(text: str) -> bool:
    word = text.lower()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise ValueError("is not yes or no")


def _date(raw: Any, text: str, form: str | None) -> date:
    if isinstance(raw, date):
        return raw.date() if isinstance(raw, datetime) else raw
    try:
        return datetime.strptime(text, form).date() if form else date.fromisoformat(text)  # noqa: DTZ007  # a date has no zone
    except ValueError as error:
        raise ValueError(f"is not a date of the form {form or 'YYYY-MM-DD'}") from error


def _clean(text: str) -> str:
    if reason := why_unsafe(text):
        raise ValueError(reason)
    return text
