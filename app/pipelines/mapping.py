"""A mapping file: which source column goes where and as what, how the table is shaped, and what is derived from it."""

import datetime as dt
import math
from collections.abc import Collection, Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from app.domain.features import Feature, FeatureType, is_protected
from app.domain.formulas import Formula, FormulaRefused, parse_formula
from app.errors import Invalid
from app.pipelines.fields import FEATURE_NAME, DateForm, Destinations, FieldMapping, Piece

TABLE_1: Final = Path(__file__).parents[1] / "catalogue" / "table1.yaml"
_PLAINER: Final = {"extra_forbidden": "is not known here", "missing": "must be given"}


class MappingRefused(Invalid):
    """The mapping file cannot be used."""


class AsOf(Piece):
    """Which day a row speaks of: a column, which makes the table a panel, or one date for all rows."""

    column: str | None = None
    format: DateForm | None = None
    date: str | None = None

    @model_validator(mode="after")
    def _tells_one_way(self) -> Self:
        if (self.column is None) == (self.date is None):
            raise ValueError("needs a column or a date, and not both")
        if self.date is not None:
            if self.format is not None:
                raise ValueError("format belongs to a column; write the date as YYYY-MM-DD")
            _iso_date(self.date)
        return self

    @property
    def day(self) -> dt.date | None:
        """The one day all rows speak of, if there is one."""
        return None if self.date is None else _iso_date(self.date)


def _iso_date(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise ValueError("date is not one such as 2026-10-31") from None


class Narrow(Piece):
    """A table of one value a row: the columns that hold the value's name and the value, and how repeats are joined."""

    name: str
    value: str
    aggregate: Literal["last", "first", "sum", "mean", "count", "min", "max"] = "last"


class Join(Piece):
    """Columns of a second table, found by equal values of `on`; with `since`, the latest dated on or before the row."""

    table: str
    on: str
    since: str | None = None
    format: DateForm | None = None


class DerivedMapping(Piece):
    """A declared feature: see `app.domain.formulas`."""

    formula: str
    unit: str | None = None
    replaces: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _can_be_read(self) -> Self:
        try:
            operands = self.parsed.operands
        except FormulaRefused as error:
            raise ValueError(f"the formula {error.detail.removeprefix('a formula ')}") from None
        if protected := sorted(filter(is_protected, operands)):
            raise ValueError(f"the formula reads {protected[0]}, a protected attribute that no model may use")
        return self

    @property
    def parsed(self) -> Formula:
        return parse_formula(self.formula)


class Moved(Piece):
    """A label that some values of a column tell."""

    column: str
    values: tuple[str, ...] = Field(min_length=1)


class Ladder(Piece):
    """A label of those who step down: `ladder` from the best brand to the least."""

    column: str
    ladder: tuple[str, ...] = Field(min_length=2)

    @model_validator(mode="after")
    def _has_each_step_once(self) -> Self:
        if len(set(self.ladder)) < len(self.ladder):
            raise ValueError("the ladder names a step twice")
        return self


class Tiers(Piece):
    """A label of those whose average over `months` rows falls below a tier's threshold: `tiers` ascending amounts."""

    column: str
    tiers: tuple[float, ...] = Field(min_length=1)
    months: int = Field(3, ge=1, le=24)

    @model_validator(mode="after")
    def _ascend(self) -> Self:
        if not all(map(math.isfinite, self.tiers)) or any(low >= high for low, high in pairwise(self.tiers)):
            raise ValueError("the tiers must ascend, from the lowest threshold to the highest")
        return self


class Labels(Piece):
    """How a panel tells who left, by kind of churn, and who left because they had to."""

    port_out: Moved | None = None
    downgrade: Ladder | None = None
    arpu_decline: Tiers | None = None
    involuntary: Moved | None = None


class Mapping(Piece):
    id: str
    fields: dict[str, Destinations] = Field(default_factory=dict)
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

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if both := [column for column in self.ignore if column in {self.id, *self.fields}]:
            raise ValueError(f"the column {both[0]!r} is both taken and ignored")
        if self.narrow and len({self.id, self.narrow.name, self.narrow.value}) < 3:  # noqa: PLR2004  # three roles
            raise ValueError("narrow: the id, the name and the value must be three columns")
        if any(join.since for join in self.joins) and not self.as_of:
            raise ValueError("joins: since needs as_of, the day a row speaks of")
        self._require_new_names()
        return self

    def _require_new_names(self) -> None:
        raw = {name for _, source in self.sources() for place, name in [source.place] if place == "features"}
        for name, derived in self.derived.items():
            if not FEATURE_NAME.fullmatch(name) or is_protected(name):
                raise ValueError(f"derived: {name!r} cannot be the name of a derived feature")
            if name in raw:
                raise ValueError(f"derived: {name} is the name of a field's feature already")
            if chained := sorted(self.derived.keys() & (derived.parsed.operands | set(derived.replaces))):
                raise ValueError(f"derived: {name} names {chained[0]}; only what is not derived itself can be used")

    def sources(self) -> Iterator[tuple[str, FieldMapping]]:
        """Each place a column goes to; a column may go to several."""
        for column, destinations in self.fields.items():
            for destination in destinations:
                yield column, destination

    def features(self) -> list[Feature]:
        """The dictionary rows this mapping declares."""
        return [
            Feature(source.place[1], FeatureType(source.type), source.unit, source.min, source.max)
            for _, source in self.sources()
            if source.place[0] == "features"
        ]


def require_columns(named: Iterable[str], columns: Collection[str]) -> None:
    """Refuse a mapping that names a column the table does not have."""
    for column in named:
        if column not in columns:
            raise MappingRefused(f"the mapping names the column {column!r}, which the table does not have")


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
        place = [str(part) for level, part in enumerate(first["loc"]) if first["loc"][0] != "fields" or level != 2]  # noqa: PLR2004  # the number of the destination
        reason = _PLAINER.get(first["type"], first["msg"].removeprefix("Value error, "))
        raise MappingRefused(": ".join(filter(None, [str(path), ".".join(place), reason]))) from error
