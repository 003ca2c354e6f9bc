"""What a feature is, and when a value may stand for it."""

from dataclasses import dataclass
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


def is_protected(name: str) -> bool:
    return name.lower() in PROTECTED


class FeatureType(StrEnum):
    NUMBER = "number"
    CATEGORY = "category"
    BOOLEAN = "boolean"


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
                if not isinstance(value, str):
                    return "must be a text"
                return None if len(value) <= LONGEST_LEVEL else f"must have at most {LONGEST_LEVEL} characters"
            case FeatureType.NUMBER:
                if isinstance(value, bool) or not isinstance(value, int | float):
                    return "must be a number"
                return self._why_out_of_range(value)

    def _why_out_of_range(self, value: float) -> str | None:
        if not abs(value) <= LARGEST_FLOAT32:  # NaN compares with nothing
            return "must be finite and within the range of a 32-bit float"
        if self.minimum is not None and value < self.minimum:
            return f"must be at least {self.minimum:g}"
        if self.maximum is not None and value > self.maximum:
            return f"must be at most {self.maximum:g}"
        return None
