"""The expected maximum profit equals what a brute force integration of its definition gives (C10)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import trapezoid
from scipy.stats import beta

from app.ml.training.profit import expected_maximum_profit, hull

GAMMAS = np.linspace(0, 1, 4_001)
DENSITY = beta(6, 14).pdf(GAMMAS)


def brute_force(caught: np.ndarray, bothered: np.ndarray) -> float:
    """The definition as it stands: at every γ the best of all thresholds, weighed by the density of γ."""
    leaver = GAMMAS[:, None] * (200 - 10) - 1
    profits = (leaver * caught - (10 + 1) * bothered) / (caught[-1] + bothered[-1])
    return float(trapezoid(profits.max(axis=1) * DENSITY, GAMMAS))


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 60)).filter(any), min_size=1, max_size=30))
def test_it_is_the_integral_of_the_best_profit(steps: list[tuple[int, int]]) -> None:
    counts = np.array([*steps, (1, 1)], float)
    caught, bothered = np.concatenate([[[0, 0]], counts.cumsum(axis=0)]).T
    assert expected_maximum_profit(caught, bothered) == pytest.approx(brute_force(caught, bothered), abs=1e-4)


def test_a_perfect_ranking_contacts_the_leavers_alone_whatever_gamma_is() -> None:
    # One leaver in four, E[γ] = 6/20: (.3 · 190 - 1) / 4. Below γ = 1/190 nobody is contacted, which is next to never.
    assert expected_maximum_profit(np.array([0.0, 1, 1]), np.array([0.0, 0, 3])) == pytest.approx(14, abs=1e-6)


def test_without_a_ranking_one_contacts_all_or_nobody() -> None:
    # One leaver in four: all are worth contacting if 190 γ - 1 > 33, so if γ > 34/190.
    take_part = beta(6, 14).sf(34 / 190)
    mean_part = 0.3 * beta(7, 14).sf(34 / 190)
    expected = (190 * mean_part - 34 * take_part) / 4
    assert expected_maximum_profit(np.array([0.0, 1]), np.array([0.0, 3])) == pytest.approx(expected)


def test_one_leaver_in_a_thousand_by_lot_is_worth_nothing() -> None:
    assert expected_maximum_profit(np.array([0.0, 1]), np.array([0.0, 999])) == pytest.approx(0, abs=1e-12)


def test_the_hull_leaves_out_the_thresholds_that_are_never_best() -> None:
    caught, bothered = hull(np.array([0.0, 1, 1, 3, 4, 4]), np.array([0.0, 0, 2, 2, 4, 9]))
    assert caught.tolist() == [0, 1, 3, 4, 4]
    assert bothered.tolist() == [0, 0, 2, 4, 9]
