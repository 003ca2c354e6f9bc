"""One encoder: every value becomes its cell, or is refused by name."""

import math
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.domain.features import Feature, FeatureType, FeatureValue
from app.domain.formulas import parse_formula
from app.ml.features import Contract, FeaturesRefused, complete, encode, encode_many, unseen_levels

CONTRACT = Contract.of(
    [
        Feature("age", FeatureType.NUMBER, minimum=0, maximum=120, nullable=False),
        Feature("bill", FeatureType.NUMBER),
        Feature("plan", FeatureType.CATEGORY, levels=("basic", "gold")),
        Feature("roams", FeatureType.BOOLEAN),
        Feature("a/b~c", FeatureType.CATEGORY, levels=("x",)),
    ]
)
FINE: dict[str, FeatureValue] = {"age": 30, "bill": 0.1, "plan": "gold", "roams": True, "a/b~c": "x"}


def coded(values: dict[str, FeatureValue]) -> NDArray[np.float32]:
    return encode(CONTRACT, complete(CONTRACT, values, None))


def cells(**changes: FeatureValue) -> list[float]:
    return [float(cell) for cell in coded(FINE | changes)[0]]


def test_a_row_is_one_float32_a_feature_in_the_order_of_the_contract() -> None:
    row = coded(dict(reversed(FINE.items())))
    assert row.dtype == np.float32
    assert row.tolist() == [[30, float(np.float32(0.1)), 2, 1, 1]]


def test_levels_count_from_one_and_an_unseen_level_comes_after_the_last() -> None:
    assert [cells(plan=plan)[2] for plan in ("basic", "gold", "silver", "")] == [1, 2, 3, 3]
    assert unseen_levels(CONTRACT, FINE | {"plan": "silver", "a/b~c": None}) == ["plan"]
    assert unseen_levels(CONTRACT, FINE) == []


def test_booleans_are_zero_and_one() -> None:
    assert [cells(roams=value)[3] for value in (False, True)] == [0, 1]


def test_a_missing_value_is_nan_whether_left_out_or_null() -> None:
    assert all(math.isnan(cell) for cell in cells(bill=None, plan=None, roams=None)[1:4])
    assert all(math.isnan(cell) for cell in coded({"age": 1})[0, 1:])


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("age", None, "is required"),
        ("age", -1, "must be at least 0"),
        ("age", 120.5, "must be at most 120"),
        ("age", True, "must be a number"),
        ("age", "30", "must be a number"),
        ("bill", math.nan, "must be finite and within the range of a 32-bit float"),
        ("bill", -math.inf, "must be finite and within the range of a 32-bit float"),
        ("bill", 3.5e38, "must be finite and within the range of a 32-bit float"),
        ("plan", 1, "must be a text"),
        ("plan", False, "must be a text"),
        ("plan", "x" * 129, "must have at most 128 characters"),
        ("roams", 1, "must be true or false"),
        ("roams", 0.0, "must be true or false"),
        ("roams", "true", "must be true or false"),
        ("colour", "red", "is not a feature of this model"),
        ("colour", None, "is not a feature of this model"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_name(name: str, value: FeatureValue, reason: str) -> None:
    with pytest.raises(FeaturesRefused) as refusal:
        coded(FINE | {name: value})
    assert refusal.value.violations == ((f"/features/{name}", reason),)


def test_a_required_feature_that_is_left_out_is_refused() -> None:
    with pytest.raises(FeaturesRefused) as refusal:
        coded({})
    assert refusal.value.violations == (("/features/age", "is required"),)


def test_all_problems_are_told_at_once_in_order_with_escaped_pointers() -> None:
    with pytest.raises(FeaturesRefused) as refusal:
        coded({"age": 200, "a/b~c": 1, "z/y": 1})
    pointers = [violation.pointer for violation in refusal.value.violations]
    assert pointers == ["/features/age", "/features/a~1b~0c", "/features/z~1y"]


def test_at_most_twenty_problems_are_told() -> None:
    with pytest.raises(FeaturesRefused) as refusal:
        coded(FINE | {f"unknown_{number:02}": 1 for number in range(50)})
    assert [violation.pointer for violation in refusal.value.violations] == [
        f"/features/unknown_{number:02}" for number in range(20)
    ]


def test_columns_are_coded_as_single_rows_are() -> None:
    rows = [FINE, FINE | {"age": 0, "bill": None}, FINE | {"plan": "silver", "roams": None}]
    together = encode_many(CONTRACT, {name: [row[name] for row in rows] for name in FINE})
    np.testing.assert_array_equal(together, np.concatenate([coded(row) for row in rows]))


def test_a_column_is_refused_with_the_row() -> None:
    columns: dict[str, list[FeatureValue]] = {name: [value, value] for name, value in FINE.items()}
    with pytest.raises(FeaturesRefused, match="age in row 1 must be at most 120"):
        encode_many(CONTRACT, columns | {"age": [1, 121]})


@given(st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(max_size=200))
def test_any_value_is_coded_exactly_when_the_feature_allows_it(value: FeatureValue) -> None:
    for feature in CONTRACT.features:
        try:
            coded(FINE | {feature.name: value})
        except FeaturesRefused:
            assert feature.why_refused(value)
        else:
            assert not feature.why_refused(value)


RAW = Contract.of(
    [Feature("trend", FeatureType.NUMBER), Feature("m6", FeatureType.NUMBER, minimum=0)],
    [("trend", parse_formula("m3 / m6")), ("tenure", parse_formula("months_since(joined)"))],
    [
        Feature("m3", FeatureType.NUMBER, minimum=0),
        Feature("joined", FeatureType.DATE),
        Feature("gender", FeatureType.CATEGORY),
    ],
)


def test_what_is_derived_is_computed_and_never_sent() -> None:
    # B12
    values = complete(RAW, {"m3": 1, "m6": 4, "joined": "2026-08-31", "gender": "x"}, date(2026, 10, 31))
    assert values["trend"] == 0.25
    assert values["tenure"] == 61 / 30.4375
    assert encode(RAW, values).tolist() == [[0.25, 4]]
    with pytest.raises(FeaturesRefused) as refusal:
        complete(RAW, {"trend": 1, "m6": 4}, None)
    assert refusal.value.violations[0].pointer == "/features/trend"


@pytest.mark.parametrize(("name", "value"), [("m3", -1), ("m6", "many"), ("joined", "31/08/2026"), ("gender", 7)])
def test_a_raw_value_is_checked_even_where_the_model_passes_it_over(name: str, value: FeatureValue) -> None:
    with pytest.raises(FeaturesRefused) as refusal:
        complete(RAW, {"m3": 1, "m6": 4, name: value}, None)
    assert [violation.pointer for violation in refusal.value.violations] == [f"/features/{name}"]


def test_a_contract_knows_what_it_needs() -> None:
    assert RAW.raw == {"m3", "m6", "joined", "gender"}
    assert RAW.needed == {"m3", "m6", "joined"}
