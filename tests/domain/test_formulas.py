"""Derived features (B12): a formula is read once, computed the same everywhere, and never fails on a subscriber."""

from datetime import date
from math import isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.formulas import FormulaRefused, parse_formula

DAY = date(2026, 10, 31)
numbers = st.one_of(st.none(), st.floats(allow_nan=False, width=32))


@pytest.mark.parametrize(
    ("formula", "values", "result"),
    [
        ("avg_spend_3m / avg_spend_6m", {"avg_spend_3m": 10, "avg_spend_6m": 40.0}, 0.25),
        ("(m0 - m3) / (m3 + 1)", {"m0": 9, "m3": 2}, 7 / 3),
        ("share(incoming, outgoing)", {"incoming": 3, "outgoing": 1}, 0.75),
        ("-a * 2.5", {"a": True}, -2.5),
        ("months_since(join_date)", {"join_date": "2026-08-31"}, 61 / 30.4375),
        ("a / b", {"a": 1, "b": 0}, None),
        ("a / b", {"a": 1}, None),
        ("a * a", {"a": 1e30}, None),
        ("months_since(join_date)", {"join_date": "2026-11-30"}, -30 / 30.4375),
        ("months_since(join_date) + a", {"join_date": None, "a": 1}, None),
    ],
)
def test_a_formula_is_computed_or_its_value_is_missing(formula: str, values: dict[str, object], result: object) -> None:
    assert parse_formula(formula)(values, DAY) == result  # type: ignore[arg-type]


@given(numbers, numbers, numbers)
def test_no_values_make_a_formula_fail(a: float | None, b: float | None, c: float | None) -> None:
    result = parse_formula("(a - b) / (b + c) * share(a, c)")({"a": a, "b": b, "c": c}, DAY)
    assert result is None or isfinite(result)


def test_a_formula_says_what_it_reads() -> None:
    formula = parse_formula("bill / months_since(join_date)")
    assert formula.operands == {"bill", "join_date"}
    assert formula.dates == {"join_date"}


@pytest.mark.parametrize(
    "formula",
    [
        "", "1 + 1", "a ** 9", "a if b else c", "__import__('os')", "a.b", "a[0]", "f(a)", "months_since(a + b)",
        "a +", "True + a", "'text' + a", "lambda: a", "a" * 300, "(" * 150 + "a", "share(a)", "a + months_since(a)",
    ],
)  # fmt: skip
def test_anything_else_is_refused(formula: str) -> None:
    with pytest.raises(FormulaRefused):
        parse_formula(formula)
