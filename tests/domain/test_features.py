"""When a value may stand for a feature."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.features import LARGEST_FLOAT32, Feature, FeatureType

TENURE = Feature("tenure_months", FeatureType.NUMBER, minimum=0, maximum=1200)
UNBOUNDED = Feature("balance", FeatureType.NUMBER)
CONTRACT = Feature("contract", FeatureType.CATEGORY, levels=("Month-to-month", "One year"))
SENIOR = Feature("senior", FeatureType.BOOLEAN)
ALL = [TENURE, UNBOUNDED, CONTRACT, SENIOR]
NUMBERS = [TENURE, UNBOUNDED]


@pytest.mark.parametrize(
    ("feature", "value"),
    [
        (TENURE, 0),
        (TENURE, 1200),
        (TENURE, 12.5),
        (UNBOUNDED, -3),
        (UNBOUNDED, LARGEST_FLOAT32),
        (UNBOUNDED, -LARGEST_FLOAT32),
        (CONTRACT, "One year"),
        (CONTRACT, ""),
        (CONTRACT, "套" * 128),
        (SENIOR, True),
        (SENIOR, False),
    ],
)
def test_a_value_of_the_right_type_and_range_may_stand(feature: Feature, value: Any) -> None:
    assert feature.why_refused(value) is None


def test_a_new_level_of_a_category_may_stand() -> None:
    # A tariff plan may appear any day.
    assert CONTRACT.why_refused("Three years") is None


@pytest.mark.parametrize("feature", ALL)
def test_a_missing_value_may_stand_unless_it_is_required(feature: Feature) -> None:
    required = Feature(feature.name, feature.type, nullable=False)
    assert feature.why_refused(None) is None
    assert required.why_refused(None) == "is required"


@pytest.mark.parametrize(
    ("feature", "value", "reason"),
    [
        (TENURE, -1, "must be at least 0"),
        (TENURE, -1e-9, "must be at least 0"),
        (TENURE, 1201, "must be at most 1200"),
        (TENURE, "12", "must be a number"),
        (TENURE, [12], "must be a number"),
        (CONTRACT, 12, "must be a text"),
        (CONTRACT, True, "must be a text"),
        (CONTRACT, "x" * 129, "must have at most 128 characters"),
        (SENIOR, "yes", "must be true or false"),
        (SENIOR, 1, "must be true or false"),
        (SENIOR, 0.0, "must be true or false"),
    ],
)
def test_a_value_of_the_wrong_type_or_range_is_refused_with_the_rule(feature: Feature, value: Any, reason: str) -> None:
    # B1 to B5
    assert feature.why_refused(value) == reason


@pytest.mark.parametrize("feature", NUMBERS)
@pytest.mark.parametrize("value", [True, False])
def test_true_is_not_one(feature: Feature, value: bool) -> None:  # noqa: FBT001  # the value tried
    assert feature.why_refused(value) == "must be a number"


@pytest.mark.parametrize("feature", NUMBERS)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 3.5e38, -3.5e38, 10**39], ids=repr)
def test_what_no_32_bit_float_can_hold_is_refused(feature: Feature, value: float) -> None:
    assert feature.why_refused(value) == "must be finite and within the range of a 32-bit float"


@pytest.mark.parametrize("sign", [1, -1])
def test_a_whole_number_too_large_for_any_float_is_refused_like_the_others(sign: int) -> None:
    assert UNBOUNDED.why_refused(sign * 10**400) == "must be finite and within the range of a 32-bit float"


@given(st.sampled_from(ALL), st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.none()))
def test_any_value_stands_or_is_refused_with_a_reason(feature: Feature, value: Any) -> None:
    reason = feature.why_refused(value)
    assert reason is None or reason.startswith(("must ", "is required"))


@given(st.floats(allow_nan=False) | st.integers(-(10**9), 10**9), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_a_number_stands_exactly_if_it_is_within_its_range(value: float, one: float, other: float) -> None:
    least, most = sorted([one, other])
    ranged = Feature("balance", FeatureType.NUMBER, minimum=least, maximum=most)
    assert (ranged.why_refused(value) is None) == (least <= value <= most)
