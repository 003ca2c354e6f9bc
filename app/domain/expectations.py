"""What subscribers expect and what they get: ideal, adequate and perceived service (Parasuraman, Berry, Zeithaml 1991).

All three are on 0…100 of the scale they were asked on, so that answers on different scales can be put together.
"""

from dataclasses import dataclass
from enum import StrEnum


class Dimension(StrEnum):
    """The five dimensions of service quality (SERVQUAL)."""

    TANGIBLES = "tangibles"
    RELIABILITY = "reliability"
    RESPONSIVENESS = "responsiveness"
    ASSURANCE = "assurance"
    EMPATHY = "empathy"


class Zone(StrEnum):
    """Where what is perceived lies: below what would do, within the zone of tolerance, above the ideal."""

    BELOW = "below"
    WITHIN = "within"
    ABOVE = "above"


@dataclass(frozen=True, slots=True)
class Expectation:
    """One expectation, or the mean of many: ideal ≥ adequate, perceived anywhere."""

    ideal: float
    adequate: float
    perceived: float

    @property
    def adequacy_gap(self) -> float:
        """Perceived - adequate: below zero the subscriber is dissatisfied."""
        return self.perceived - self.adequate

    @property
    def superiority_gap(self) -> float:
        """Perceived - ideal: above zero the service surpasses what was hoped for."""
        return self.perceived - self.ideal

    @property
    def zone_width(self) -> float:
        """Ideal - adequate: how much the subscriber tolerates."""
        return self.ideal - self.adequate

    @property
    def zone(self) -> Zone:
        if self.is_dissatisfied:
            return Zone.BELOW
        return Zone.ABOVE if self.perceived > self.ideal else Zone.WITHIN

    @property
    def is_dissatisfied(self) -> bool:
        return self.perceived < self.adequate

    @property
    def is_consistent(self) -> bool:
        """Nobody wishes for less than would do: whoever says so has misunderstood the question."""
        return self.ideal >= self.adequate


def share_of_scale(value: float, scale_max: int) -> float:
    """Put an answer on 1…scale_max onto 0…100."""
    return (value - 1) / (scale_max - 1) * 100
