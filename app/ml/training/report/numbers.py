"""Numbers as people read them. What is not a finite number (a part that could not be measured) is a dash."""

import math
from collections.abc import Callable, Mapping
from functools import wraps

DASH = "–"
MINUS = "\N{MINUS SIGN}"
SPACE = "\N{NO-BREAK SPACE}"
SMALLEST = 1e-4  # below it, and from LARGEST on, a number is written with a power of ten
LARGEST = 1e9
THOUSAND = 1000
LARGEST_EXPONENT = 700.0  # math.exp overflows soon after

Form = Callable[[float | None], str]


def _or_dash(form: Callable[[float], str]) -> Form:
    @wraps(form)
    def safe(value: float | None) -> str:
        if value is None or not math.isfinite(value):
            return DASH
        return form(value).replace("-", MINUS)

    return safe


@_or_dash
def count(value: float) -> str:
    """7,043."""
    return f"{value:,.0f}"


@_or_dash
def share(value: float) -> str:
    """A share of 1 in percent: 26.5 %."""
    return f"{value * 100:.1f}{SPACE}%"


@_or_dash
def plain(value: float) -> str:
    """A number in up to four significant digits: 0.85, 2,350, 3.3 × 10⁻¹⁶."""
    size = abs(value)
    if value and not SMALLEST <= size < LARGEST:
        return _power(value)
    return f"{value:,.0f}" if size >= THOUSAND else f"{value:.4g}"


@_or_dash
def precise(value: float) -> str:
    """A measure between 0 and about 1 in four decimals, so that a column of them lines up: 0.8534."""
    return f"{value:.4f}"


@_or_dash
def signed(value: float) -> str:
    """A difference or a log-odds: +0.042, −1.3."""
    return "0" if abs(value) < SMALLEST else f"{value:+.3g}"


@_or_dash
def times(value: float) -> str:
    """A factor: × 2.81."""
    return f"×{SPACE}{plain(float(f'{value:.3g}'))}"


@_or_dash
def factor(log_odds: float) -> str:
    """What a contribution in log-odds multiplies the odds by: × 1.52."""
    return times(math.exp(min(log_odds, LARGEST_EXPONENT)))


@_or_dash
def significance(p_value: float) -> str:
    return "< 0.001" if p_value < 0.001 else f"{p_value:.3f}"  # noqa: PLR2004  # by custom, no smaller one is written


def interval(measure: Mapping[str, float | None], form: Form) -> str:
    """The 95 % interval of a measure, each end written by `form`."""
    return f"{form(measure['low'])} to {form(measure['high'])}"


def _power(value: float) -> str:
    digits, exponent = f"{value:.1e}".split("e")
    raised = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{digits} × 10{raised}"
