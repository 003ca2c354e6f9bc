"""A promise beside what was measured of it, as a row of a table."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    promise: str
    bar: str
    measured: str
    kept: bool


def at_most(promise: str, measured: float, most: float, unit: str = "") -> Row:
    return Row(promise, f"≤ {_shown(most)}{unit}", f"{_shown(measured)}{unit}", measured <= most)


def at_least(promise: str, measured: float, least: float, unit: str = "") -> Row:
    return Row(promise, f"≥ {_shown(least)}{unit}", f"{_shown(measured)}{unit}", measured >= least)


def none_of(promise: str, measured: int) -> Row:
    return Row(promise, "0", str(measured), measured == 0)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that so large a share does not exceed; 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def _shown(number: float) -> str:
    return f"{number:,.0f}" if float(number).is_integer() else f"{number:,.3g}"
