"""The three kinds of churn (A1) as events in one subscriber's dated series.

A series is in the order of its days. An event is dated by the first row that shows it, so that what comes later can
never move it: the events of a series that is cut short are those of the whole series up to the cut.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import pairwise
from math import fsum


def port_outs(series: Iterable[tuple[date, bool]]) -> list[date]:
    """Return the days from which on the subscriber is gone."""
    events, gone = [], False
    for day, is_gone in series:
        if is_gone and not gone:
            events.append(day)
        gone = is_gone
    return events


def downgrades(series: Iterable[tuple[date, str | None]], ladder: Sequence[str]) -> list[date]:
    """Return the days of the moves down the `ladder` of brands, the best one first (A3); up or sideways is none.

    A row without a brand says nothing; every brand of the series must stand on the ladder.
    """
    rungs = [(day, ladder.index(brand)) for day, brand in series if brand is not None]
    return [day for (_, before), (day, after) in pairwise(rungs) if after > before]


def arpu_declines(series: Iterable[tuple[date, float | None]], tiers: Sequence[float], months: int) -> list[date]:
    """Return the days on which the average of the last `months` amounts falls into a lower tier (A4).

    `tiers` are ascending amounts: each is the least of its tier, what is below the first is the lowest. The average of
    the row before tells the tier that is left; the first `months` - 1 amounts have none. A row without an amount says
    nothing.
    """
    window: deque[float] = deque(maxlen=months)
    levels = []
    for day, amount in series:
        if amount is not None:
            window.append(amount)
            if len(window) == months:
                levels.append((day, bisect_right(tiers, fsum(window) / months)))
    return [day for (_, before), (day, after) in pairwise(levels) if after < before]


def next_event(events: Sequence[date], day: date) -> date | None:
    """Return the first of the ascending `events` that is after the day, never on it."""
    position = bisect_right(events, day)
    return events[position] if position < len(events) else None
