"""The one sentence (I13): what matters most comes first, and nothing is sold while something is wrong (J9)."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.prompts import LONGEST, Situation, is_ending, prompt

DAY = date(2026, 11, 1)
ALL_WRONG = Situation(
    "network",
    complaint_late=True,
    group_at_risk="Riverside Works",
    dissatisfied_on=DAY,
    callback_due_on=DAY,
    leaving_said_on=DAY,
    product_ends_on=DAY,
    risk_band="critical",
    years_with_us=9,
)
situations = st.builds(
    Situation,
    complaint_type=st.none() | st.sampled_from(["network", "billing", "x" * 200]),
    complaint_late=st.booleans(),
    dissatisfied_on=st.none() | st.dates(),
    callback_due_on=st.none() | st.dates(),
    leaving_said_on=st.none() | st.dates(),
    product_ends_on=st.none() | st.dates(),
    risk_band=st.none() | st.sampled_from(["low", "high", "critical"]),
    group_at_risk=st.none() | st.sampled_from(["Riverside Works", "x" * 128]),
    years_with_us=st.none() | st.integers(0, 60),
)


@given(situations, st.sampled_from(["en", "zh-CN"]))
def test_there_is_always_one_sentence_and_never_a_long_one(situation: Situation, language: str) -> None:
    said = prompt(situation, language)

    assert 0 < len(said) <= LONGEST
    assert "None" not in said
    assert "{" not in said


def test_what_went_wrong_comes_before_what_we_would_like() -> None:
    order = []
    situation = ALL_WRONG
    for fixed in (
        {"complaint_late": False},
        {"complaint_type": None},
        {"group_at_risk": None},
        {"dissatisfied_on": None},
        {"callback_due_on": None},
        {"leaving_said_on": None},
        {"product_ends_on": None},
        {"risk_band": "low"},
        {"years_with_us": 1},
        {},
    ):
        order.append(prompt(situation, "en").split(":")[0])
        situation = replace(situation, **fixed)

    assert order == [
        "The network complaint is past its promise",
        "A network complaint is open",
        "Riverside Works may leave as a whole and is talked to as a whole",
        "Was not satisfied on 2026-11-01",
        "Ask how the last service went",
        "Spoke of leaving on 2026-11-01",
        "What they have ends on 2026-11-01",
        "May be about to leave",
        "With us for 9 years",
        "Nothing is pending",
    ]


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_nothing_is_offered_while_a_complaint_is_open(language: str) -> None:
    said = prompt(Situation(complaint_type="billing", risk_band="critical", product_ends_on=DAY), language)

    assert said == prompt(Situation(complaint_type="billing"), language)


@pytest.mark.parametrize(
    ("ends_on", "is_near"),
    [
        (date(2026, 10, 31), False),
        (DAY, True),
        (date(2027, 1, 1), True),
        (date(2027, 1, 2), False),
    ],
)
def test_what_ends_is_told_from_two_months_before_to_the_day_itself(ends_on: date, is_near: bool) -> None:  # noqa: FBT001  # a case's outcome
    """Requirement I14."""
    assert is_ending(ends_on, DAY) is is_near


def test_two_months_from_the_end_of_a_month_are_the_end_of_a_shorter_one() -> None:
    """Requirement I14."""
    assert is_ending(date(2027, 2, 28), date(2026, 12, 31))
    assert not is_ending(date(2027, 3, 1), date(2026, 12, 31))
