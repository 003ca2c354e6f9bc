"""Ideal, adequate and perceived service: the gaps, the three zones, and their boundaries (E12, E13, E14, K14)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.expectations import Dimension, Expectation, Zone, share_of_scale

levels = st.floats(0, 100, allow_nan=False)


@pytest.mark.parametrize(
    ("perceived", "zone"),
    [(49.9, Zone.BELOW), (50, Zone.WITHIN), (65, Zone.WITHIN), (80, Zone.WITHIN), (80.1, Zone.ABOVE)],
)
def test_what_is_perceived_lies_below_within_or_above_what_is_tolerated(perceived: float, zone: Zone) -> None:
    assert Expectation(ideal=80, adequate=50, perceived=perceived).zone is zone


def test_the_gaps_are_the_ones_computed_by_hand() -> None:
    found = Expectation(ideal=90, adequate=60, perceived=70)

    assert (found.adequacy_gap, found.superiority_gap, found.zone_width) == (10, -20, 30)
    assert not found.is_dissatisfied


@given(levels, levels, levels)
def test_the_gaps_add_up_and_agree_with_the_zone(ideal: float, adequate: float, perceived: float) -> None:
    found = Expectation(ideal, adequate, perceived)

    assert found.adequacy_gap - found.superiority_gap == pytest.approx(found.zone_width)
    assert found.is_dissatisfied == (found.adequacy_gap < 0) == (found.zone is Zone.BELOW)
    assert found.is_consistent == (found.zone_width >= 0)


@pytest.mark.parametrize(("value", "scale_max", "share"), [(1, 10, 0), (10, 10, 100), (3, 5, 50), (4, 7, 50)])
def test_scales_meet_on_a_hundred(value: float, scale_max: int, share: float) -> None:
    assert share_of_scale(value, scale_max) == pytest.approx(share)


def test_there_are_five_dimensions_of_quality() -> None:
    # K14
    assert len(Dimension) == 5
