"""Intervals that stay true however often somebody looks; ratios that know the days of the week."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.evaluations import (
    CampaignVerdict,
    Side,
    difference,
    draws_but_does_not_sell,
    inquiries,
    over_time,
    prevented,
    verdict,
)

sizes = st.integers(1, 5000)


@st.composite
def sides(draw: st.DrawFn) -> Side:
    members = draw(sizes)
    return Side(members, draw(st.integers(0, members)))


@given(sides(), sides())
def test_an_interval_holds_its_value_and_is_wider_than_one_that_is_looked_at_once(treated: Side, holdout: Side) -> None:
    effect, once = prevented(treated, holdout), difference(treated, holdout)
    assert effect
    assert once
    assert effect.low < effect.value < effect.high
    assert effect.value == pytest.approx(once.value)
    assert effect.high - effect.low > once.high - once.low


@given(sides(), sides())
def test_the_other_way_round_the_effect_is_the_opposite(treated: Side, holdout: Side) -> None:
    effect, turned = prevented(treated, holdout), prevented(holdout, treated)
    assert effect
    assert turned
    assert (turned.value, turned.low, turned.high) == pytest.approx((-effect.value, -effect.high, -effect.low))


def test_nobody_to_compare_with_is_not_enough_data() -> None:
    assert prevented(Side(100, 3), Side(0, 0)) is None
    assert verdict(None, 0.0) is CampaignVerdict.NOT_ENOUGH_DATA


def test_a_verdict_needs_an_interval_that_is_clear_of_doubt() -> None:
    assert verdict(prevented(Side(10_000, 300), Side(10_000, 600)), 0.01) is CampaignVerdict.WORKS
    assert verdict(prevented(Side(100_000, 5000), Side(100_000, 5000)), 0.02) is CampaignVerdict.DOES_NOT
    assert verdict(prevented(Side(200, 9), Side(200, 11)), 0.01) is CampaignVerdict.NOT_ENOUGH_DATA


def test_looking_every_day_at_campaigns_that_do_nothing_raises_few_false_alarms() -> None:
    """Requirement E23: 300 A/A campaigns of 90 days, looked at on every day of them."""
    chance = random.Random(7)  # noqa: S311  # a simulation
    alarms = 0
    for _ in range(300):
        left = [Counter(chance.randrange(90) for _ in range(1000) if chance.random() < 0.08) for _ in range(2)]
        days = over_time(left[0], left[1], (1000, 1000), 90)
        alarms += any(effect.low > 0 or effect.high < 0 for _, effect in days)
    assert alarms <= 0.05 * 300


def test_more_inquiries_on_a_busy_weekday_are_no_effect() -> None:
    """Requirement E25: Mondays are busy, and the campaign starts on one."""
    before = [(day % 7, 100 if day % 7 == 0 else 10) for day in range(56)]
    usual = inquiries(before, [(0, 100)])
    doubled = inquiries(before, [(0, 200), (1, 20)])
    assert usual
    assert doubled
    assert usual.value == pytest.approx(1.0)
    assert usual.low < 1 < usual.high
    assert doubled.value == pytest.approx(2.0)
    assert doubled.low > 1
    assert inquiries([], [(0, 5)]) is None


def test_many_who_come_and_few_who_buy_are_said_to_be_so() -> None:
    """Requirement F30."""
    assert draws_but_does_not_sell(treated=100, answered=40, accepted=2)
    assert not draws_but_does_not_sell(treated=100, answered=40, accepted=20)
    assert not draws_but_does_not_sell(treated=100, answered=5, accepted=0)
