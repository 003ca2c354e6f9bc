"""The features a mapping derives from raw ones (B12), and the dates that must not look past the day of their row."""

from collections.abc import Iterable, Sequence
from collections.abc import Mapping as Values
from datetime import date

from app.domain.features import FeatureValue
from app.domain.formulas import Formula
from app.ml.dataset import DatasetRefused


class DatedLater(DatasetRefused):
    """A feature is known only after the day its row speaks of."""


class UndatedTable(DatasetRefused):
    """A date says nothing where nobody knows which day the rows speak of."""


def compute(
    formula: Formula, columns: Values[str, Sequence[FeatureValue]], days: Iterable[date | None]
) -> list[FeatureValue]:
    """Compute one derived feature for every row, from the raw values and the day of the row."""
    names = sorted(formula.operands)
    rows = zip(*(columns[name] for name in names), strict=True)
    return [formula(dict(zip(names, row, strict=True)), day) for row, day in zip(rows, days, strict=True)]


def require_day(dated: Iterable[str]) -> None:
    """Refuse a feature that is a date, or is known since one, in a table of no day."""
    for name in dated:
        raise UndatedTable(f"{name} rests on a date: say with --as-of which day the table speaks of")


def require_known(
    name: str, known_since: Iterable[FeatureValue], days: Iterable[date | None], lines: Iterable[int]
) -> None:
    """Refuse a feature of which one value (as ISO text) is later than the day of its row (B11)."""
    for since, day, line in zip(known_since, days, lines, strict=True):
        if isinstance(since, str) and day is not None and since > day.isoformat():
            raise DatedLater(
                f"{name} is dated after the day its row speaks of (line {line}), so it is known only after the label"
                f" window began: leave it out, or take it all the same with --allow-leak {name}"
            )
