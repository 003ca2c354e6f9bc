"""Did it work? Effects against the holdout, with intervals that stay true however often somebody looks."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

ALPHA: Final = 0.05
EXPECTED_RATE: Final = 0.05  # of leaving, at which the interval is to be narrowest: a choice made before any data
Z: Final = 1.96


class CampaignVerdict(StrEnum):
    WORKS = "works"
    DOES_NOT = "does_not"
    NOT_ENOUGH_DATA = "not_enough_data"


@dataclass(frozen=True, slots=True)
class Interval:
    """A value and the ends of its 95 % interval."""

    value: float
    low: float
    high: float

    def scaled(self, factor: float) -> "Interval":
        ends = sorted((self.low * factor, self.high * factor))
        return Interval(self.value * factor, *ends)


@dataclass(frozen=True, slots=True)
class Side:
    """So many people, of whom so many have left."""

    members: int
    left: int

    @property
    def rate(self) -> float:
        return self.left / self.members if self.members else 0.0

    @property
    def variance(self) -> float:
        """Of the rate: with one more of either kind than was seen, so that nothing is certain of a few."""
        believed = (self.left + 1) / (self.members + 2)
        return believed * (1 - believed) / self.members


def prevented(treated: Side, holdout: Side, alpha: float = ALPHA) -> Interval | None:
    """By how much fewer of the treated have left: an anytime-valid interval; None where one side is empty.

    The difference of the two shares that have left by a day is, but for its drift, a martingale in the days, with the
    variance of the two shares as its clock. So the two-sided normal mixture bounds it on all days at once (Howard,
    Ramdas, McAuliffe & Sekhon, Annals of Statistics 2021, equation 14): √((V + ρ) · ln((V + ρ) ÷ (ρ α²))). ρ makes it
    narrowest at a share of 5 %; it is chosen of the group sizes alone, before anything has happened. Like every bound
    of a variance that is itself estimated, it holds for large groups.
    """
    if not treated.members or not holdout.members:
        return None
    planned = EXPECTED_RATE * (1 - EXPECTED_RATE) * (1 / treated.members + 1 / holdout.members)
    doubt = -2 * math.log(alpha)
    mixing = planned / (doubt + math.log(doubt) + 1)
    clock = treated.variance + holdout.variance
    reach = math.sqrt((clock + mixing) * math.log((clock + mixing) / (mixing * alpha**2)))
    value = holdout.rate - treated.rate
    return Interval(value, value - reach, value + reach)


def verdict(effect: Interval | None, worthwhile: float) -> CampaignVerdict:
    """Works: surely better than nothing. Does not: surely below what would be worthwhile."""
    if effect is None:
        return CampaignVerdict.NOT_ENOUGH_DATA
    if effect.low > 0:
        return CampaignVerdict.WORKS
    return CampaignVerdict.DOES_NOT if effect.high < worthwhile else CampaignVerdict.NOT_ENOUGH_DATA


def over_time(
    treated: Mapping[int, int], holdout: Mapping[int, int], sizes: tuple[int, int], days: int
) -> list[tuple[int, Interval]]:
    """The effect as it stood at the end of each day since the start, of how many of each side left on which day."""
    found = []
    left = [0, 0]
    for day in range(days + 1):
        left[0] += treated.get(day, 0)
        left[1] += holdout.get(day, 0)
        effect = prevented(Side(sizes[0], left[0]), Side(sizes[1], left[1]))
        if effect:
            found.append((day, effect))
    return found


def difference(one: Side, other: Side) -> Interval | None:
    """The second rate less the first, looked at once."""
    if not one.members or not other.members:
        return None
    value = other.rate - one.rate
    reach = Z * math.sqrt(one.variance + other.variance)
    return Interval(value, value - reach, value + reach)


def inquiries(before: Sequence[tuple[int, int]], since: Sequence[tuple[int, int]]) -> Interval | None:
    """How many times the usual number of inquiries came in since the start; None where nothing is usual.

    Both are days as (weekday, inquiries). What is usual is the weekday's own mean before the start, so that a start on
    a busy weekday is no effect. The interval is that of a ratio of Poisson counts, widened by as much as the days
    before vary more than such counts would.
    """
    usual = {day: [count for weekday, count in before if weekday == day] for day in range(7)}
    means = {day: sum(counts) / len(counts) for day, counts in usual.items() if counts}
    seen = sum(count for weekday, count in since if weekday in means)
    expected = sum(means[weekday] for weekday, _ in since if weekday in means)
    total = sum(count for _, count in before)
    if not expected or not total:
        return None
    freedom = len(before) - len(means)
    spread = sum((count - means[day]) ** 2 / means[day] for day, count in before if means[day])
    overdispersion = max(1.0, spread / freedom) if freedom > 0 else 1.0
    ratio = seen / expected
    reach = Z * math.sqrt(overdispersion * (1 / max(seen, 1) + 1 / total))
    return Interval(ratio, ratio * math.exp(-reach), ratio * math.exp(reach))


def draws_but_does_not_sell(treated: int, answered: int, accepted: int) -> bool:
    """Many come and few buy: a fifth of the treated answered, and fewer than one in ten of those took it up."""
    return treated > 0 and answered >= treated / 5 and accepted * 10 < answered
