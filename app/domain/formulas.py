"""Derived features: short formulas over other features, computed in Python floats everywhere.

The same evaluator serves training and scoring, so a derived value recomputes from its raw ones to the last digit.

    formula = names, numbers, + - * /, parentheses, months_since(DATE), share(PART, OTHER) = PART / (PART + OTHER)

A day to come lies a negative number of months back.
A value that is missing, a division by zero or a result that is no finite number makes the derived value missing.
"""

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from math import isfinite
from typing import Final, TypeAlias

from app.domain.features import LARGEST_FLOAT32, FeatureValue
from app.errors import Invalid

AVERAGE_MONTH_DAYS: Final = 30.4375
LONGEST_FORMULA: Final = 200

Values: TypeAlias = Mapping[str, FeatureValue]
_Node: TypeAlias = Callable[[Values, date | None], float]

_OPERATORS: Final = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}


class FormulaRefused(Invalid):
    """The formula cannot be used."""


class _Missing(Exception):
    """Something the formula needs is not known."""


@dataclass(frozen=True, slots=True)
class Derived:
    """A declared feature: its formula, and the raw features that give way to it where it tells more than they do."""

    name: str
    formula: str
    unit: str | None = None
    replaces: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Formula:
    """A parsed formula: what it reads, what of that is a date, and its value for one row."""

    text: str
    operands: frozenset[str]
    dates: frozenset[str]
    evaluate: _Node

    def __call__(self, values: Values, as_of: date | None) -> float | None:
        """Compute the value of one row as of a day; None where it is not known."""
        try:
            result = self.evaluate(values, as_of)
        except (_Missing, ZeroDivisionError, OverflowError):
            return None
        return result if isfinite(result) and abs(result) <= LARGEST_FLOAT32 else None


def parse_formula(text: str) -> Formula:
    """Parse a formula. Raises FormulaRefused saying what it does not understand."""
    if len(text) > LONGEST_FORMULA:
        raise FormulaRefused(f"a formula has at most {LONGEST_FORMULA} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise FormulaRefused("is not a formula such as avg_spend_3m / avg_spend_6m") from None
    operands: set[str] = set()
    dates: set[str] = set()
    evaluate = _compile(tree, operands, dates)
    if not operands | dates:
        raise FormulaRefused("a formula must name a feature")
    if both := sorted(operands & dates):
        raise FormulaRefused(f"takes {both[0]} for a number and for a date")
    return Formula(text.strip(), frozenset(operands | dates), frozenset(dates), evaluate)


def _compile(node: ast.expr, operands: set[str], dates: set[str]) -> _Node:
    match node:
        case ast.Constant(value=bool()):
            pass
        case ast.Constant(value=int() | float() as constant):
            number = float(constant)
            return lambda _values, _as_of: number
        case ast.Name(id=name):
            operands.add(name)
            return lambda values, _as_of: _number(values.get(name))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            inner = _compile(operand, operands, dates)
            return lambda values, as_of: -inner(values, as_of)
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _OPERATORS:
            apply = _OPERATORS[type(sign)]
            one, other = _compile(left, operands, dates), _compile(right, operands, dates)
            return lambda values, as_of: float(apply(one(values, as_of), other(values, as_of)))
        case ast.Call(func=ast.Name(id="months_since"), args=[ast.Name(id=day)], keywords=[]):
            dates.add(day)
            return lambda values, as_of: _months_since(values.get(day), as_of)
        case ast.Call(func=ast.Name(id="share"), args=[part, rest], keywords=[]):
            top, bottom = _compile(part, operands, dates), _compile(rest, operands, dates)
            return lambda values, as_of: _share(top(values, as_of), bottom(values, as_of))
    raise FormulaRefused("may hold names, numbers, + - * /, months_since(DATE) and share(PART, OTHER), nothing else")


def _number(value: FeatureValue) -> float:
    if value is None or isinstance(value, str):
        raise _Missing
    return float(value)


def _share(part: float, rest: float) -> float:
    return part / (part + rest)


def _months_since(value: FeatureValue, as_of: date | None) -> float:
    if not isinstance(value, str) or as_of is None:
        raise _Missing
    return (as_of - date.fromisoformat(value)).days / AVERAGE_MONTH_DAYS
