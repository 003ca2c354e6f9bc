"""A table becomes a dataset: every row labelled, or left out for a reason that is counted.

A table with a label of its own tells in a column who left. A panel (`as_of: {column}` and `label:` in the mapping) has
many rows of one subscriber: each is an observation with the features of its day, labelled by what came after it.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any, Final

import numpy as np

from app.domain.features import Feature, FeatureType
from app.domain.formulas import Derived, parse_formula
from app.ml.dataset import Dataset, DatasetRefused
from app.pipelines.cleaning import Cleaning, RowCleaning
from app.pipelines.deriving import compute, require_day, require_known
from app.pipelines.mapping import Mapping
from app.pipelines.observations import Observations, Reader
from app.pipelines.panels import Panel, Told
from app.pipelines.questions import Own, Question, no_positive
from app.pipelines.records import Reject
from app.pipelines.tables import Table

REFUSED: Final = "refused"
ALREADY_LEFT: Final = "already left"
NOT_OVER: Final = "label window not over"
SHORT_TENURE: Final = "short tenure"
INVOLUNTARY: Final = "involuntary leavers"
TENURE: Final = "tenure_months"


class TenureUnknown(DatasetRefused):
    """The short-tenure rule needs a tenure."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """What can be learned from, and what became of the rest."""

    dataset: Dataset
    cleaning: Cleaning


def read(
    table: Table,
    mapping: Mapping,
    question: Question,
    *,
    declared: frozenset[str] = frozenset(),
    allowed: frozenset[str] = frozenset(),
    reject: Callable[[Reject], object] | None = None,
    progress: Callable[[float], None] | None = None,
) -> Labelled:
    """Read a table whole for a question; `mapping` is bound to it.

    `declared` are the features named before the rest was inferred; `allowed` those that may be dated after their row.
    The first row that does not fit stops the reading with RowsRefused, unless `reject` hears of such rows: then they
    are left out and counted. `progress` hears 0…1. Raises MappingRefused, TargetRefused or DatasetRefused as well.
    """
    reader = Reader(table, mapping, question)
    raw = mapping.features()
    derived = tuple(Derived(name, how.formula, how.unit, how.replaces) for name, how in mapping.derived.items())
    formulas = {made.name: parse_formula(made.formula) for made in derived}
    limit = _limit(mapping, question, {*formulas, *(feature.name for feature in raw)})
    dated = {feature.name for feature in raw if feature.type is FeatureType.DATE} | reader.asides.dated.keys()
    if not (reader.asides.dated_by or reader.asides.day):
        require_day([*sorted(dated), *(name for name, formula in formulas.items() if formula.dates)])
    reader.read(reject, progress)
    rows = reader.rows
    for name, formula in formulas.items():
        rows.columns[name] = compute(formula, rows.columns, rows.days)
    told = _told(reader, question)
    reasons = list(_reasons(rows, told, limit))
    filtered = Counter({REFUSED: reader.refused_rows}) + Counter(filter(None, reasons))
    _keep_only(rows, told, [reason is None for reason in reasons])
    if reader.read_rows and not any(told.positive):
        raise no_positive(reader.label, question, filtered)
    for name in sorted(dated - allowed):
        require_known(name, rows.known_since(name), rows.days, rows.lines)
    counted = RowCleaning(reader.read_rows, len(rows.ids), dict(filtered))
    return Labelled(_dataset(reader, raw, derived, told, declared), Cleaning(counted, reader.cells.finish()))


def tenure_limit(mapping: Mapping, question: Question) -> float:
    """Return the least tenure of a row to learn from, in months; 0 if there is none."""
    wished = question.min_tenure_months
    return (mapping.min_tenure_months if wished is None else wished) or 0.0


def _limit(mapping: Mapping, question: Question, features: set[str]) -> float:
    """Return that limit, if the mapping has what it is measured by. Raises TenureUnknown if not."""
    limit = tenure_limit(mapping, question)
    if limit and TENURE not in features:
        raise TenureUnknown(f"to leave out tenures below {limit:g} months, the mapping needs a feature {TENURE}")
    return limit


def _told(reader: Reader, question: Question) -> Told:
    rows = reader.rows
    if isinstance(reader.label, Own):
        never = [False] * len(rows.ids)
        return Told([said is True for said in rows.said], rows.forced, never, never)
    days = [day for day in rows.days if day is not None]  # the reader refused every row without one
    panel = Panel(rows.ids, days, rows.said, rows.gone, rows.forced)
    return panel.follow(reader.label, question.horizon_days)


def _reasons(rows: Observations, told: Told, limit: float) -> Iterator[str | None]:
    """Say of every row why it is left out, by the first reason of several; None if it is kept.

    A tenure below the limit leaves out leavers and stayers alike (A10): without the leavers alone, whoever is new would
    look safe. Having to leave tells the involuntary leaver alone (A11): who was in arrears and stayed, stayed.
    """
    tenures = rows.columns[TENURE] if limit else [None] * len(rows.ids)
    for row, tenure in enumerate(tenures):
        if told.has_left[row]:
            yield ALREADY_LEFT
        elif told.is_open[row]:
            yield NOT_OVER
        elif isinstance(tenure, int | float) and tenure < limit:
            yield SHORT_TENURE
        elif told.positive[row] and told.forced[row]:
            yield INVOLUNTARY
        else:
            yield None


def _keep_only(rows: Observations, told: Told, kept: list[bool]) -> None:
    """Drop the other rows, one column after the other, so that the table is never held twice."""
    if all(kept):
        return
    columns: list[list[Any]] = [rows.lines, rows.ids, rows.days, rows.groups, told.positive]
    for column in (*columns, *rows.columns.values(), *rows.segments.values(), *rows.since.values()):
        column[:] = compress(column, kept)


def _dataset(
    reader: Reader, raw: Sequence[Feature], derived: tuple[Derived, ...], told: Told, declared: frozenset[str]
) -> Dataset:
    rows = reader.rows
    days = [day for day in rows.days if day is not None] if reader.asides.dated_by else None
    return Dataset(
        rows.ids,
        (
            *(feature for feature in raw if feature.type is not FeatureType.DATE),
            *(Feature(made.name, FeatureType.NUMBER, made.unit) for made in derived),
        ),
        rows.columns,
        np.array(told.positive, dtype=bool),
        dates=days,
        groups=rows.groups if reader.asides.grouped_by else None,
        segments=rows.segments,
        derived=derived,
        declared=declared,
        raw=tuple(feature for feature in raw if feature.type is FeatureType.DATE),
    )
