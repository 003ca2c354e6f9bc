"""What a feature is, and when a value may stand for it."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TypeAlias

FeatureValue: TypeAlias = float | int | str | bool | None

LARGEST_FLOAT32 = 3.4028234663852886e38
LONGEST_LEVEL = 128

# What must never move a score, a decision or a price (stored where the operator has it, and nothing more).
PROTECTED = frozenset(
    {
        "disability",
        "ethnicity",
        "female",
        "gender",
        "health",
        "male",
        "marital",
        "marital_status",
        "nationality",
        "political_opinion",
        "pregnancy",
        "race",
        "religion",
        "sex",
        "sexual_orientation",
        "trade_union",
    }
)
_PROTECTED_LETTERS = frozenset(name.replace("_", "") for name in PROTECTED)


def is_protected(name: str) -> bool:
    """Say whether a name stands for a protected attribute, however it is written: MaritalStatus, marital_status."""
    return "".join(filter(str.isalnum, name.lower())) in _PROTECTED_LETTERS


class FeatureType(StrEnum):
    """A date is a raw feature, from which others are derived: no model reads it as it is."""

    NUMBER = "number"
    CATEGORY = "category"
    BOOLEAN = "boolean"
    DATE = "date"


@dataclass(frozen=True, slots=True)
class Feature:
    """One known feature: its name, type, unit, range (inclusive) and category levels.

    `levels` are the ones known so far: a new one is accepted and flagged, since a tariff plan may appear any day.
    """

    name: str
    type: FeatureType
    unit: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    levels: tuple[str, ...] = ()
    nullable: bool = True

    def why_refused(self, value: object) -> str | None:
        """Say why `value` may not stand for this feature, or None if it may."""
        if value is None:
            return None if self.nullable else "is required"
        match self.type:
            case FeatureType.BOOLEAN:
                return None if isinstance(value, bool) else "must be true or false"
            case FeatureType.CATEGORY:
                return _why_no_level(value)
            case FeatureType.DATE:
                return None if date_of(value) else "must be a date such as 2026-10-31"
            case FeatureType.NUMBER:
                return self._why_no_number(value)

    def _why_no_number(self, value: object) -> str | None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return "must be a number"
        if not abs(value) <= LARGEST_FLOAT32:  # NaN compares with nothing
            return "must be finite and within the range of a 32-bit float"
        if self.minimum is not None and value < self.minimum:
            return f"must be at least {self.minimum:g}"
        if self.maximum is not None and value > self.maximum:
            return f"must be at most {self.maximum:g}"
        return None


def _why_no_level(value: object) -> str | None:
    if not isinstance(value, str):
        return "must be a text"
    return None if len(value) <= LONGEST_LEVEL else f"must have at most {LONGEST_LEVEL} characters"


def date_of(value: object) -> date | None:
    """Read a date as it is written in features, such as 2026-10-31; None for anything else."""
    try:
        day = date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return day if day and day.isoformat() == value else None


def in_words(value: FeatureValue, *, unknown: str = "unknown", yes: str = "yes", no: str = "no") -> str:
    """A feature's value as a sentence says it."""
    if value is None:
        return unknown
    if isinstance(value, bool):
        return yes if value else no
    return f"{value:g}" if isinstance(value, float | int) else str(value)
