"""Three kinds of churn (A1–A4): each is an event on the day it shows, and what comes later never moves it."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.churn_events import arpu_declines, downgrades, next_event, port_outs

LADDER = ("GoTone", "M-Zone", "Easyown")
TIERS = (50.0, 150.0)
MONTHS = [date(2026, month, 1) for month in range(1, 13)]


class Month(NamedTuple):
    gone: bool = False
    brand: str | None = "GoTone"
    amount: float | None = 200.0


KINDS: dict[str, Callable[[Sequence[tuple[date, Month]]], list[date]]] = {
    "port_out": lambda series: port_outs((day, month.gone) for day, month in series),
    "downgrade": lambda series: downgrades(((day, month.brand) for day, month in series), LADDER),
    "arpu_decline": lambda series: arpu_declines(((day, month.amount) for day, month in series), TIERS, 3),
}


def events(months: Sequence[Month]) -> dict[str, list[date]]:
    """Return the events of every kind that has any."""
    series = list(zip(MONTHS, months, strict=False))
    return {kind: found for kind, of in KINDS.items() if (found := of(series))}


LIVELY = Month()
LESS = Month(amount=20.0)


@pytest.mark.parametrize(
    ("months", "kinds"),
    [
        ([LIVELY] * 4 + [Month(gone=True)], {"port_out"}),
        ([LIVELY] * 4 + [Month(brand="Easyown")], {"downgrade"}),
        ([LIVELY] * 3 + [LESS] * 2, {"arpu_decline"}),
        (
            [LIVELY] * 3 + [LESS, Month(gone=True, brand="M-Zone", amount=20.0)],
            {"port_out", "downgrade", "arpu_decline"},
        ),
        ([LIVELY] * 6, set()),
    ],
)
def test_each_subscriber_gets_exactly_the_labels_of_what_happened(months: list[Month], kinds: set[str]) -> None:  # A1
    assert events(months).keys() == kinds


@pytest.mark.parametrize(
    ("brands", "moves"),
    [
        (["GoTone", "M-Zone"], 1),
        (["M-Zone", "GoTone"], 0),
        (["M-Zone", "M-Zone"], 0),
        (["GoTone", None, "Easyown"], 1),
        (["GoTone", "M-Zone", "Easyown", "GoTone", "M-Zone"], 3),
        ([], 0),
    ],
)
def test_a_move_down_the_ladder_is_an_event_and_up_or_sideways_is_none(
    brands: list[str | None], moves: int
) -> None:  # A3
    assert len(downgrades(zip(MONTHS, brands, strict=False), LADDER)) == moves


def test_a_decline_is_dated_by_the_month_whose_average_crosses_the_line_and_not_before() -> None:  # A4
    amounts = [160.0, 160, 160, 140, 150, 139, 160, 160]  # averages from March on: 160, 153⅓, 150, 143, 149⅔, 153
    assert arpu_declines(zip(MONTHS, amounts, strict=False), TIERS, 3) == [MONTHS[5]]


def test_an_average_on_the_line_is_in_the_upper_tier() -> None:  # A4
    assert arpu_declines(zip(MONTHS, [151, 149, 151, 149], strict=False), TIERS, 2) == []
    assert arpu_declines(zip(MONTHS, [151, 149, 151, 148.99], strict=False), TIERS, 2) == [MONTHS[3]]


def test_one_bad_month_is_no_decline_before_the_window_is_full_nor_a_month_without_an_amount() -> None:  # A4
    assert arpu_declines(zip(MONTHS, [200.0, 20, 20], strict=False), TIERS, 3) == []
    assert arpu_declines(zip(MONTHS, [200.0, None, 200, 200, None], strict=False), TIERS, 3) == []


def test_who_comes_back_may_leave_again() -> None:
    gone = [False, True, True, False, True]
    assert port_outs(zip(MONTHS, gone, strict=False)) == [MONTHS[1], MONTHS[4]]


def test_the_next_event_is_after_the_day_and_never_on_it() -> None:
    found = [MONTHS[2], MONTHS[5]]
    assert [next_event(found, day) for day in (MONTHS[1], MONTHS[2], MONTHS[5])] == [MONTHS[2], MONTHS[5], None]


months = st.lists(
    st.builds(
        Month,
        st.booleans(),
        st.sampled_from((*LADDER, None)),
        st.one_of(st.none(), st.floats(0, 300)),
    ),
    max_size=12,
)


@pytest.mark.parametrize("kind", KINDS)
@given(months, st.integers(0, 12))
def test_what_comes_later_never_moves_an_event(kind: str, months: list[Month], cut: int) -> None:
    series = list(zip(MONTHS, months, strict=False))
    before = [day for day in KINDS[kind](series) if day in MONTHS[:cut]]
    assert KINDS[kind](series[:cut]) == before


@given(st.lists(st.sampled_from(LADDER), max_size=12))
def test_who_only_moves_up_has_no_downgrade_and_who_only_moves_down_has_one_a_move(brands: list[str]) -> None:  # A3
    down = sorted(brands, key=LADDER.index)
    assert downgrades(zip(MONTHS, reversed(down), strict=False), LADDER) == []
    assert len(downgrades(zip(MONTHS, down, strict=False), LADDER)) == max(len(set(brands)) - 1, 0)


@given(st.lists(st.floats(0, 300), max_size=12), st.integers(1, 4))
def test_amounts_that_never_fall_are_no_decline_and_amounts_that_never_rise_cross_each_line_once(  # A4
    amounts: list[float], window: int
) -> None:
    rising = sorted(amounts)

    def found(series: Any) -> list[date]:
        return arpu_declines(zip(MONTHS, series, strict=False), TIERS, window)

    assert found(rising) == []
    assert len(found(reversed(rising))) <= len(TIERS)


@given(st.floats(0, 300), st.integers(1, 4))
def test_the_same_amount_every_month_is_never_a_decline(amount: float, window: int) -> None:  # A4
    assert arpu_declines(zip(MONTHS, [amount] * 12, strict=False), TIERS, window) == []
