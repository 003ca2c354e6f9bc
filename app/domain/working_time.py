"""Promises are counted in the operator's working hours, in the operator's time zone."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY: Final = timedelta(days=1)
# Nobody closes for longer: whoever declares so many holidays in a row has mistyped a year.
_LONGEST_CLOSURE: Final = 366

Hours = tuple[timedelta, timedelta]  # since midnight, by the wall clock


@dataclass(frozen=True, slots=True)
class WorkingCalendar:
    """The opening hours of each weekday (0 Monday … 6 Sunday), the dates on which nobody works, and where."""

    week: Mapping[int, tuple[Hours, ...]]
    holidays: frozenset[date]
    zone: tzinfo

    def add(self, start: datetime, amount: timedelta) -> datetime:
        """Return when so much working time has passed since `start`, in UTC.

        Hours are elapsed hours: a day on which the clocks change is worth what it really lasts.
        """
        left = amount
        last = start
        for opens, closes in self._open_from(start):
            if opens + left <= closes:
                return opens + left
            left -= closes - opens
            last = closes
        return last + left  # nothing but holidays ahead: better an early promise than none

    def _open_from(self, start: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The stretches of working time from `start` on, in order, in UTC."""
        day = start.astimezone(self.zone).date()
        closed = 0
        while closed < _LONGEST_CLOSURE:
            hours = () if day in self.holidays else self.week.get(day.weekday(), ())
            for begins, ends in hours:
                opens, closes = max(self._moment(day, begins), start.astimezone(UTC)), self._moment(day, ends)
                if opens < closes:
                    yield opens, closes
            closed = 0 if hours else closed + 1
            day += _DAY

    def _moment(self, day: date, since_midnight: timedelta) -> datetime:
        wall = datetime.combine(day, time()) + since_midnight
        return wall.replace(tzinfo=self.zone).astimezone(UTC)


def parse_week(text: str) -> dict[int, tuple[Hours, ...]]:
    """Read hours such as `mon-fri 09:00-18:00, sat 10:00-14:00`; parts of one day are kept apart, in order."""
    week: dict[int, list[Hours]] = {}
    for part in text.split(","):
        days, _, hours = part.strip().partition(" ")
        begins, _, ends = hours.partition("-")
        first, _, last = days.partition("-")
        for day in _between(_DAYS.index(first), _DAYS.index(last or first)):
            week.setdefault(day, []).append((_since_midnight(begins), _since_midnight(ends)))
    return {day: tuple(sorted(parts)) for day, parts in week.items()}


def _between(first: int, last: int) -> list[int]:
    """The weekdays from first to last, over the end of the week where it is earlier."""
    return [(first + step) % len(_DAYS) for step in range((last - first) % len(_DAYS) + 1)]


def _since_midnight(text: str) -> timedelta:
    hours, _, minutes = text.partition(":")
    return timedelta(hours=int(hours), minutes=int(minutes))
