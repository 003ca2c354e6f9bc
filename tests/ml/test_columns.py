"""Whole columns are coded as single rows are, to the last bit, or are left to the rules for single rows."""

from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.features import Feature, FeatureType
from app.domain.formulas import parse_formula
from app.domain.texts import why_unsafe
from app.ml.columns import encode_columns
from app.ml.features import Contract, FeaturesRefused, complete, encode

DAY = date(2026, 10, 31)
CONTRACT = Contract.of(
    [
        Feature("age", FeatureType.NUMBER, minimum=0, maximum=120, nullable=False),
        Feature("bill", FeatureType.NUMBER),
        Feature("plan", FeatureType.CATEGORY, levels=("basic", "gold")),
        Feature("roams", FeatureType.BOOLEAN),
        Feature("tariff", FeatureType.CATEGORY, levels=("x",), nullable=False),
        Feature("stay", FeatureType.NUMBER),
    ],
    derived=[("stay", parse_formula("months_since(joined) / age"))],
    accepted=[Feature("joined", FeatureType.DATE), Feature("note", FeatureType.CATEGORY)],
)
FLOATS = st.floats(width=32) | st.sampled_from([-1.0, 0.0, 30.0, 120.0, 121.0, float("nan"), float("inf")])
TEXTS = st.sampled_from(["basic", "gold", "x", "new", "", "a\0b", "2020-02-30", "2020-01-31", "l" * 129])
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "age": FLOATS,
    "bill": FLOATS,
    "plan": TEXTS,
    "roams": st.booleans(),
    "tariff": TEXTS,
    "joined": TEXTS,
    "note": TEXTS,
}
TYPES = {"age": pa.float64(), "bill": pa.float64(), "roams": pa.bool_()}
ROWS = st.lists(st.fixed_dictionaries({name: st.none() | values for name, values in VALUES.items()}), min_size=1)


def columns_of(rows: list[dict[str, Any]], *, as_dictionaries: bool) -> dict[str, pa.Array]:
    found = {}
    for name in VALUES:
        array = pa.array([row[name] for row in rows], TYPES.get(name, pa.string()))
        found[name] = array.dictionary_encode() if as_dictionaries else array
    return found


@given(ROWS, st.booleans())
def test_a_row_is_plain_exactly_if_it_may_be_scored_and_is_then_coded_the_same(
    rows: list[dict[str, Any]], as_dictionaries: Any
) -> None:
    encoded = encode_columns(CONTRACT, columns_of(rows, as_dictionaries=as_dictionaries), len(rows), DAY)
    for row, cells, is_plain in zip(rows, encoded.matrix, encoded.plain, strict=True):
        is_unsafe = any(isinstance(value, str) and why_unsafe(value) for value in row.values())
        try:
            expected = encode(CONTRACT, complete(CONTRACT, row, DAY))[0]
        except FeaturesRefused:
            assert not is_plain
        else:
            assert is_plain != is_unsafe
            if is_plain:
                np.testing.assert_array_equal(cells, expected)


@pytest.mark.parametrize("kind", [pa.int8(), pa.int64(), pa.uint64(), pa.float32(), pa.float64()])
def test_a_number_may_be_of_any_width(kind: pa.DataType) -> None:
    contract = Contract.of([Feature("age", FeatureType.NUMBER, minimum=0)])
    encoded = encode_columns(contract, {"age": pa.array([7, None, 0], kind)}, 3, DAY)

    assert encoded.plain.all()
    np.testing.assert_array_equal(encoded.matrix[:, 0], [7, np.nan, 0])


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("age", pa.array(["7"])),
        ("age", pa.array([True])),
        ("age", pa.array([[7.0]])),
        ("plan", pa.array([1])),
        ("roams", pa.array([1])),
        ("roams", pa.array(["yes"])),
    ],
)
def test_another_type_is_never_plain(name: str, column: pa.Array) -> None:
    kinds = {"age": FeatureType.NUMBER, "plan": FeatureType.CATEGORY, "roams": FeatureType.BOOLEAN}
    contract = Contract.of([Feature(name, kinds[name])])

    assert not encode_columns(contract, {name: column}, 1, DAY).plain.any()


def test_a_column_of_nothing_is_missing() -> None:
    contract = Contract.of([Feature("age", FeatureType.NUMBER), Feature("plan", FeatureType.CATEGORY)])
    encoded = encode_columns(contract, {"age": pa.nulls(2), "plan": pa.nulls(2)}, 2, DAY)

    assert encoded.plain.all()
    assert np.isnan(encoded.matrix).all()


def test_a_column_that_is_not_there_is_missing() -> None:
    contract = Contract.of([Feature("age", FeatureType.NUMBER), Feature("bill", FeatureType.NUMBER, nullable=False)])

    assert not encode_columns(contract, {"age": pa.array([1.0])}, 1, DAY).plain.any()
    encoded = encode_columns(contract, {"bill": pa.array([1.0])}, 1, DAY)
    assert encoded.plain.all()
    np.testing.assert_array_equal(encoded.matrix, [[np.nan, 1]])
