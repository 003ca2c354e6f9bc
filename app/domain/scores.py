"""The words of a score."""

from enum import StrEnum


class Effect(StrEnum):
    RAISES = "raises"
    LOWERS = "lowers"
    NONE = "none"


class Band(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"
