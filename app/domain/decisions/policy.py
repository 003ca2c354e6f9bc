"""What the operator allows, beside the catalogue: the rules every action is put to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta
from decimal import Decimal

from app.domain.interactions import Channel


@dataclass(frozen=True, slots=True)
class Cap:
    """At most so many contacts within a window that moves with the clock."""

    window_days: int
    max: int

    @property
    def window(self) -> timedelta:
        return timedelta(days=self.window_days)


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From `begin` to `end` nobody is disturbed, by the subscriber's own clock; the end may be the next morning."""

    begin: time
    end: time

    def holds(self, at: time) -> bool:
        if self.begin <= self.end:
            return self.begin <= at < self.end
        return at >= self.begin or at < self.end


@dataclass(frozen=True, slots=True)
class Policy:
    """Money is in the operator's currency; a share is in [0, 1]; null switches a rule off.

    `cool_down_days` are the waits after the first, second, … refusal of an action; the last one repeats, and null is
    for ever. `arpu_floor_share` is the least share of the measured revenue a subscriber that is to be left.
    """

    quiet_hours: QuietHours | None = None
    channel_caps: Mapping[Channel, tuple[Cap, ...]] = field(default_factory=dict)
    cool_down_days: tuple[int | None, ...] = ()
    later_half_life_days: int = 7
    accepted_rest_days: int = 0
    mood_days: int = 7
    least_tenure_months: int = 0
    long_standing_months: int = 12
    big_spender_tiers: frozenset[str] = frozenset()
    floating_keeps: float = 1.0
    holdout_share: float = 0.0
    holdout_name: str = "default"
    spend_cap_share: Decimal | None = None
    arpu_floor_share: Decimal | None = None
    daily_budget: Decimal | None = None


NO_RULES = Policy()
