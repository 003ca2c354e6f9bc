"""Promises are counted in working hours, in the operator's time zone, over nights, weekends, holidays and DST."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.working_time import WorkingCalendar, parse_week

SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")
starts = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001  # hypothesis wants naive bounds
amounts = st.timedeltas(timedelta(0), timedelta(days=20))
weeks = st.sampled_from(
    [
        "mon-sun 00:00-24:00",
        "mon-fri 09:00-18:00",
        "mon-fri 09:00-12:00, mon-fri 13:00-18:00, sat 10:00-14:00",
        "sun-thu 08:30-17:15",
        "wed 00:00-24:00",
    ]
)
holidays = st.frozensets(st.dates(date(2026, 1, 1), date(2027, 12, 31)), max_size=5)
zones = st.sampled_from([UTC, SHANGHAI, BERLIN])


def calendar(text: str, *off: date, zone: ZoneInfo = SHANGHAI) -> WorkingCalendar:
    return WorkingCalendar(parse_week(text), frozenset(off), zone)


@pytest.mark.parametrize(
    ("start", "hours", "due"),
    [
        ("2026-11-03T10:00", 2, "2026-11-03T12:00"),
        ("2026-11-03T17:00", 2, "2026-11-04T10:00"),  # over the night
        ("2026-11-06T17:00", 2, "2026-11-09T10:00"),  # over the weekend
        ("2026-11-07T12:00", 1, "2026-11-09T10:00"),  # begun on the weekend
        ("2026-11-03T07:00", 1, "2026-11-03T10:00"),  # begun before the doors open
        ("2026-11-03T09:00", 9, "2026-11-03T18:00"),  # a whole day ends with it
        ("2026-11-03T09:00", 45, "2026-11-09T18:00"),  # a week
    ],
)
def test_a_promise_waits_while_nobody_works(start: str, hours: int, due: str) -> None:
    found = calendar("mon-fri 09:00-18:00").add(local(start), timedelta(hours=hours))

    assert found == local(due)


def test_a_holiday_is_a_day_on_which_nobody_works() -> None:
    week = calendar("mon-fri 09:00-18:00", date(2026, 10, 1), date(2026, 10, 2))

    assert week.add(local("2026-09-30T17:00"), timedelta(hours=2)) == local("2026-10-05T10:00")


def test_a_day_may_have_a_break_and_a_week_may_run_over_sunday() -> None:
    week = calendar("sat-mon 09:00-12:00, sat-mon 13:00-18:00")

    assert week.add(local("2026-11-08T11:00"), timedelta(hours=2)) == local("2026-11-08T14:00")
    assert week.add(local("2026-11-09T17:00"), timedelta(hours=2)) == local("2026-11-14T10:00")


@pytest.mark.parametrize(("day", "lasts"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)])
def test_a_day_on_which_the_clocks_change_is_worth_what_it_lasts(day: str, lasts: int) -> None:
    week = calendar("mon-sun 00:00-24:00", zone=BERLIN)
    midnight = datetime.fromisoformat(day).replace(tzinfo=BERLIN)

    due = week.add(midnight, timedelta(hours=lasts))
    assert due.astimezone(BERLIN).date() == midnight.date() + timedelta(days=1)
    assert due.astimezone(BERLIN).hour == 0


@given(starts, amounts, zones)
def test_whoever_never_closes_counts_plain_hours(start: datetime, amount: timedelta, zone: ZoneInfo) -> None:
    always = WorkingCalendar(parse_week("mon-sun 00:00-24:00"), frozenset(), zone)

    assert always.add(start, amount) == start + amount


@given(starts, amounts, amounts, weeks, holidays, zones)
def test_a_promise_in_two_parts_is_the_same_promise(  # drawn, each by its own strategy
    start: datetime, first: timedelta, second: timedelta, week: str, off: frozenset[date], zone: ZoneInfo
) -> None:
    working = WorkingCalendar(parse_week(week), off, zone)
    whole = working.add(start, first + second)

    assert working.add(working.add(start, first), second) in {whole, working.add(whole, timedelta(0))}
    assert whole >= start + first + second
    assert working.add(start, first) <= whole


def test_whoever_only_has_holidays_still_promises_something() -> None:
    year = [date(2026, 1, 1) + timedelta(days=n) for n in range(1000)]

    assert calendar("mon-sun 00:00-24:00", *year).add(local("2026-06-01T10:00"), timedelta(hours=3)) == local(
        "2026-06-01T13:00"
    )


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)
