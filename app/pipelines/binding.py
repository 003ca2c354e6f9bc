"""A mapping meets a table: what it names must be there, and the rest is inferred if it says so."""

import re
import unicodedata
from collections.abc import Collection, Iterable

from pydantic import Field

from app.domain.features import FeatureType
from app.pipelines.fields import FEATURE_NAME, FieldMapping
from app.pipelines.inference import Inferred, LeftOut, infer
from app.pipelines.mapping import DerivedMapping, Mapping, MappingRefused, require_columns
from app.pipelines.tables import Table


class Bound(Mapping):
    """A mapping that fits its table: `inferred` are columns it did not name, `left_out` those that are no feature."""

    inferred: frozenset[str] = frozenset()
    left_out: dict[str, str] = Field(default_factory=dict)


def bind(mapping: Mapping, table: Table, *, besides: frozenset[str] = frozenset()) -> Bound:
    """Check the mapping against the table's columns, and infer the rest, but for `besides`, if it says so."""
    columns = frozenset(table.columns)
    if mapping.optional:
        mapping = _without_absent(mapping, columns)
    require_columns(_named(mapping), columns)
    bound = Bound(**dict(mapping))
    if mapping.everything_else == "infer":
        bound = _with_inferred(bound, table, besides)
    _require_places_of_their_own(bound)
    return bound.model_copy(update={"derived": _derived(bound)})


def with_months(bound: Bound, *, dated: bool) -> Bound:
    """Derive the months since each date that no formula reads: a date itself is nothing a model could learn from.

    Where nothing dates the rows, dates that were merely inferred are left out.
    """
    read = frozenset[str]().union(*(derived.parsed.dates for derived in bound.derived.values()))
    taken = {feature.name for feature in bound.features()} | bound.derived.keys()
    fields, derived, left_out = dict(bound.fields), dict(bound.derived), dict(bound.left_out)
    for column, source in bound.sources():
        place, name = source.place
        if place != "features" or source.type != "date" or name in read:
            continue
        if not dated and column in bound.inferred:
            del fields[column]
            left_out[column] = "holds dates, and nothing says which day the table speaks of: --as-of would"
        elif (months := f"months_since_{name}") not in taken:
            derived[months] = DerivedMapping(formula=f"months_since({name})", unit="months")
    return bound.model_copy(update={"fields": fields, "derived": derived, "left_out": left_out})


def _without_absent(mapping: Mapping, columns: Collection[str]) -> Mapping:
    fields = {
        column: there
        for column, sources in mapping.fields.items()
        if column in columns and (there := tuple(s for s in sources if s.dated is None or s.dated in columns))
    }
    kept = {
        "fields": fields,
        "group": mapping.group if mapping.group in columns else None,
        "segments": tuple(column for column in mapping.segments if column in columns),
    }
    return mapping.model_copy(update=kept)


def _named(mapping: Mapping) -> Iterable[str]:
    steps = (mapping.label.downgrade, mapping.label.arpu_decline)
    return [*_taken_or_apart(mapping), *mapping.segments, *(one.column for one in steps if one)]


def _taken_or_apart(mapping: Mapping) -> Iterable[str]:
    """The columns that have a place, or that only say whose a row is, when it was, or how it ended."""
    dated = (source.dated for _, source in mapping.sources())
    ends = (one.column for one in (mapping.label.port_out, mapping.label.involuntary) if one)
    day = mapping.as_of and mapping.as_of.column
    return [mapping.id, *mapping.fields, *(column for column in (*dated, *ends, day, mapping.group) if column)]


def _with_inferred(bound: Bound, table: Table, besides: frozenset[str]) -> Bound:
    """Add the fields that nobody named."""
    apart = {*_taken_or_apart(bound), *bound.ignore, *besides}
    unnamed = [column for column in table.columns if column not in apart]
    names = feature_names(unnamed, taken=_names_taken(bound, unnamed))
    fields, left_out = dict(bound.fields), {}
    for column, found in infer(table, unnamed).items():
        if isinstance(found, LeftOut):
            left_out[column] = found.reason
        else:
            fields[column] = (_field(names[column], found),)
    inferred = frozenset(fields.keys() - bound.fields.keys())
    return bound.model_copy(update={"fields": fields, "inferred": inferred, "left_out": left_out})


def _field(name: str, found: Inferred) -> FieldMapping:
    return FieldMapping(to=f"features.{name}", type=found.type, format=found.format, missing=found.missing)


def _names_taken(bound: Bound, unnamed: Iterable[str]) -> set[str]:
    """The names of the declared features, and of the derived ones that the table can give."""
    declared = {feature.name for feature in bound.features()}
    known = declared | {_clean(column) for column in unnamed}
    return declared | {name for name, derived in bound.derived.items() if derived.parsed.operands <= known}


def feature_names(columns: Iterable[str], taken: Collection[str] = ()) -> dict[str, str]:
    """Give each column the name of a feature: its own, cleaned, with a number behind it where that is taken."""
    names: dict[str, str] = {}
    used = set(taken)
    for column in columns:
        clean = name = _clean(column)
        number = 1
        while name in used:
            number += 1
            name = f"{clean}_{number}"
        used.add(name)
        names[column] = name
    return names


def _clean(column: str) -> str:
    """Write a column's name in a-z, 0-9 and _: without accents, and other scripts by their code points."""
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", column) if not unicodedata.combining(sign))
    ascii_only = "".join(_spelled(sign) for sign in unicodedata.normalize("NFC", plain).lower())
    name = re.sub(r"[^a-z0-9]+", "_", ascii_only).strip("_")[:60].rstrip("_") or "unnamed"
    return name if FEATURE_NAME.fullmatch(name) else f"f_{name}"[:60]


def _spelled(sign: str) -> str:
    return f"u{ord(sign):x}" if sign.isalnum() and not sign.isascii() else sign


def _require_places_of_their_own(mapping: Mapping) -> None:
    taken: dict[str, str] = {}
    for column, source in mapping.sources():
        if source.to in taken:
            raise MappingRefused(f"the columns {taken[source.to]!r} and {column!r} both go to {source.to}")
        taken[source.to] = column


def _derived(bound: Bound) -> dict[str, DerivedMapping]:
    """Return the derived features whose formula finds what it reads."""
    types = {feature.name: feature.type for feature in bound.features()}
    kept = {}
    for name, derived in bound.derived.items():
        formula = derived.parsed
        absent = sorted({*formula.operands, *derived.replaces} - types.keys())
        if absent and not bound.optional:
            raise MappingRefused(f"derived: {name} names {absent[0]}, which no column of the table gives")
        if formula.operands <= types.keys():
            _require_types(name, types, formula.dates, formula.operands - formula.dates)
            there = tuple(raw for raw in derived.replaces if raw in types)
            kept[name] = derived.model_copy(update={"replaces": there})
    return kept


def _require_types(name: str, types: dict[str, FeatureType], dates: frozenset[str], numbers: frozenset[str]) -> None:
    for operand in sorted(dates):
        if types[operand] is not FeatureType.DATE:
            raise MappingRefused(f"derived: {name} takes {operand}, a {types[operand]}, for a date")
    for operand in sorted(numbers):
        if types[operand] not in {FeatureType.NUMBER, FeatureType.BOOLEAN}:
            raise MappingRefused(f"derived: {name} takes {operand}, a {types[operand]}, for a number")
