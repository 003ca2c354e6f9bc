"""What is to be learned from a table: which churn, within how many days, and which column tells of it."""

from collections.abc import Mapping as Values
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from app.errors import Invalid
from app.ml.manifest import ChurnKind
from app.pipelines.mapping import Ladder, Mapping, Moved, Tiers
from app.pipelines.tables import Table


class TargetRefused(Invalid):
    """The target column cannot be learned from."""


@dataclass(frozen=True, slots=True)
class Question:
    """`target` and `positive` name the table's own label; without them the mapping's `label` tells it over the dates.

    `as_of` is the day the whole table speaks of, where no column tells it. `min_tenure_months` takes the place of the
    mapping's own limit; 0 lifts it.
    """

    churn_kind: ChurnKind
    horizon_days: int
    target: str | None = None
    positive: str | None = None
    as_of: date | None = None
    min_tenure_months: float | None = None


@dataclass(frozen=True, slots=True)
class Own:
    """A label that stands in the row it is for: one value of a column is that of those who left."""

    column: str
    positive: str


Label: TypeAlias = Own | Moved | Ladder | Tiers


def label_of(question: Question, mapping: Mapping, table: Table) -> Label:
    """Return what tells who left. Raises TargetRefused if nothing does, or nothing that may."""
    if question.target is not None:
        return _own(question.target, question.positive, mapping, table)
    label: Moved | Ladder | Tiers | None = getattr(mapping.label, question.churn_kind)
    if label is None:
        raise TargetRefused(
            f"name the label with --target and --positive, or as label.{question.churn_kind} in the mapping"
        )
    if mapping.as_of is None or mapping.as_of.column is None:
        raise TargetRefused(f"label.{question.churn_kind} needs the column that dates each row: as_of: {{column: …}}")
    return label


def _own(target: str, positive: str | None, mapping: Mapping, table: Table) -> Own:
    if target not in table.columns:
        raise TargetRefused(f"the table has no column {target!r} to learn from")
    if target in mapping.fields:
        raise TargetRefused(
            f"the mapping takes the target {target!r} as a feature, which would tell the model the answer"
        )
    if positive is None:
        raise TargetRefused(f"--positive must say which value of {target!r} is that of those who left")
    return Own(target, positive)


def tell(label: Own | Moved | Ladder, text: str) -> bool | str | None:
    """Return what a cell of the label's column says. Raises ValueError if it says nothing where it must."""
    match label:
        case Own(positive=positive):
            if not text:
                raise ValueError("is empty, and nobody knows whether they left")
            return text == positive
        case Moved(values=values):
            return text in values
        case Ladder(ladder=ladder):
            if text and text not in ladder:
                raise ValueError("is no rung of the ladder")
            return text or None


def no_positive(label: Label, question: Question, left_out: Values[str, int]) -> TargetRefused:
    """Say that nobody who is kept has left, and how many rows are left out."""
    if isinstance(label, Own):
        reason = f"no row has the value {label.positive!r} in the column {label.column!r}"
    else:
        days = question.horizon_days
        reason = f"no row is followed by a {question.churn_kind} within {days} days, as {label.column!r} tells it"
    rows = ", ".join(f"{number} ({why})" for why, number in left_out.items())
    return TargetRefused(f"{reason}; rows left out: {rows}" if rows else reason)
