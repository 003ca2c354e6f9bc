"""The labels of a panel: whether an event comes within the horizon after the day that a row speaks of.

A label looks strictly forward: docs/decisions/0016 says why, and which rows are no observations.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from app.domain.churn_events import arpu_declines, downgrades, next_event, port_outs
from app.domain.features import FeatureValue
from app.pipelines.mapping import Ladder, Moved, Tiers


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of N rows: the label, and whether it was forced on them; which rows are no observations.

    A row `has_left` from its subscriber's first port-out on; it `is_open` while its label window is not over.
    """

    positive: list[bool]
    forced: list[bool]
    has_left: list[bool]
    is_open: list[bool]


@dataclass(frozen=True, slots=True)
class Panel:
    """N rows: of whom, of which day, what the label's column says, who is gone by then, who is forced to go."""

    ids: Sequence[str]
    days: Sequence[date]
    said: Sequence[FeatureValue]
    gone: Sequence[bool]
    forced: Sequence[bool]

    def follow(self, label: Moved | Ladder | Tiers, horizon_days: int) -> Told:
        """Label every row by the events of its subscriber in (day, day + horizon]."""
        horizon, size = timedelta(days=horizon_days), len(self.ids)
        last = max(self.days, default=date.min)
        told = Told([False] * size, [False] * size, [False] * size, [last - day < horizon for day in self.days])
        for rows in self._by_subscriber():
            self._follow_one(rows, label, horizon, told)
        return told

    def _by_subscriber(self) -> list[list[int]]:
        """Return the rows of each subscriber in the order of their days."""
        rows: dict[str, list[int]] = {}
        for row, id in enumerate(self.ids):
            rows.setdefault(id, []).append(row)
        return [sorted(one, key=self.days.__getitem__) for one in rows.values()]

    def _follow_one(self, rows: list[int], label: Moved | Ladder | Tiers, horizon: timedelta, told: Told) -> None:
        days = [self.days[row] for row in rows]
        events = _events(label, [(self.days[row], self.said[row]) for row in rows])
        left = next(iter(port_outs((self.days[row], self.gone[row]) for row in rows)), date.max)
        for row, day in zip(rows, days, strict=True):
            told.has_left[row] = day >= left
            event = next_event(events, day)
            if event is not None and event - day <= horizon:
                told.positive[row] = True
                told.forced[row] = self._is_forced(rows, days.index(event))

    def _is_forced(self, rows: list[int], event: int) -> bool:
        """Say whether the row that shows the event, or the one before it, tells that they had to go."""
        return any(self.forced[row] for row in rows[max(event - 1, 0) : event + 1])


def _events(label: Moved | Ladder | Tiers, series: list[tuple[date, FeatureValue]]) -> list[date]:
    match label:
        case Moved():
            return port_outs((day, said is True) for day, said in series)
        case Ladder():
            return downgrades(((day, said) for day, said in series if isinstance(said, str)), label.ladder)
        case Tiers():
            amounts = ((day, float(said)) for day, said in series if isinstance(said, int | float))
            return arpu_declines(amounts, sorted(label.tiers), label.months)
