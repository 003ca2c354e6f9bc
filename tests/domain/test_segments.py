"""Marks: what a profile says of somebody's worth, at the very boundaries."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.lifecycle import KeyPoint, Stage
from app.domain.segments import (
    CONTACT_FIELDS,
    Profile,
    VisitBand,
    contact_completeness,
    marks_of,
    tenure_over_12_months,
    visit_band,
)
from app.domain.subscribers import Locality, Payer, SubscriberStatus

days = st.dates(date(1990, 1, 1), date(2100, 1, 1))
contacts = st.sets(st.sampled_from([*CONTACT_FIELDS, "hobbies", "family_numbers"]))


@pytest.mark.parametrize(
    ("joined", "today", "over"),
    [
        ("2025-12-26", "2026-11-26", False),  # 11 months
        ("2025-11-26", "2026-11-26", False),  # exactly 12
        ("2025-11-25", "2026-11-26", True),
        ("2025-10-26", "2026-11-26", True),  # 13
        ("2024-02-29", "2025-02-28", False),
        ("2024-02-29", "2025-03-01", True),
        ("2023-02-28", "2024-02-28", False),
        ("2023-02-28", "2024-02-29", True),
        ("2027-01-01", "2026-11-26", False),  # of a day to come
    ],
)
def test_tenure_counts_from_the_day_after_twelve_months(joined: str, today: str, *, over: bool) -> None:
    """(A9)"""
    assert tenure_over_12_months(date.fromisoformat(joined), date.fromisoformat(today)) is over


def test_of_an_unknown_day_no_tenure_is_told() -> None:
    assert tenure_over_12_months(None, date(2026, 11, 26)) is None


@given(days, days)
def test_who_stayed_long_enough_goes_on_having_stayed_long_enough(joined: date, today: date) -> None:
    """(A9)"""
    if tenure_over_12_months(joined, today):
        assert tenure_over_12_months(joined, today + timedelta(days=1))
        assert today - joined > timedelta(days=364)


@given(contacts, st.sampled_from(CONTACT_FIELDS))
def test_a_contact_is_more_complete_with_each_field_known(known: set[str], other: str) -> None:
    """(A7)"""
    assert 0 <= contact_completeness(known) <= contact_completeness(known | {other}) <= 1
    assert contact_completeness(known) == len(known & set(CONTACT_FIELDS)) / 4


@pytest.mark.parametrize(("visits", "band"), [(0, "<1"), (1, "1-3"), (3, "1-3"), (4, "4-6"), (6, "4-6"), (7, ">6")])
def test_visits_fall_into_bands(visits: int, band: str) -> None:
    """(I4)"""
    assert visit_band(visits) == band


@given(st.integers(0, 10_000))
def test_the_bands_of_visits_part_the_numbers_in_order(visits: int) -> None:
    """(I9) Each number lies in one band, and one more never lies in a lower one."""
    order = list(VisitBand)

    assert 0 <= order.index(visit_band(visits + 1)) - order.index(visit_band(visits)) <= 1


@given(
    st.builds(
        Profile,
        status=st.sampled_from(SubscriberStatus),
        joined_on=st.none() | days,
        group_id=st.none() | st.just("vpmn-1"),
        payer=st.none() | st.sampled_from(Payer),
        locality=st.none() | st.sampled_from(Locality),
        lifecycle_stage=st.none() | st.sampled_from(KeyPoint),
        contact_fields=contacts,
    ),
    st.integers(0, 100),
    days,
)
def test_each_mark_is_told_from_its_own_field(profile: Profile, visits: int, today: date) -> None:
    """(A7, A11, A13, A14, J4)"""
    marks = marks_of(profile, visits, today)

    assert marks.reachable == ("phone" in profile.contact_fields)
    assert marks.involuntary == (profile.status in {"suspended", "arrears"})
    assert marks.group_member == (profile.group_id is not None)
    assert marks.group_pays == (profile.payer == "group")
    assert marks.floating == (profile.locality == "floating")
    assert marks.lifecycle is None or isinstance(marks.lifecycle, Stage)
    assert (marks.lifecycle is None) == (profile.lifecycle_stage is None)
