"""The metrics equal what a hand computes (C10)."""

import math

import numpy as np
import pytest

from app.ml.training.evaluate import auroc_interval, evaluate, expected_calibration_error

LABELS = np.array([True, True, True, False, False, False, False])
PROBABILITIES = np.array([0.9, 0.8, 0.3, 0.8, 0.4, 0.2, 0.1])


def test_the_metrics_of_a_small_table() -> None:
    metrics = evaluate(LABELS, PROBABILITIES)
    # Of the 12 pairs the first positive wins 4, the second 3 and a half, the third 2.
    assert metrics.auroc == pytest.approx(9.5 / 12)
    assert metrics.log_loss == pytest.approx(
        -(sum(map(math.log, (0.9, 0.8, 0.3))) + sum(map(math.log, (0.2, 0.6, 0.8, 0.9)))) / 7
    )
    assert metrics.brier == pytest.approx((0.01 + 0.04 + 0.49 + 0.64 + 0.16 + 0.04 + 0.01) / 7)
    # Only the two rows of .8 share a bin: one is a positive, so the gap of both together is 1 - 1.6.
    assert metrics.ece == pytest.approx((0.1 + 0.6 + 0.7 + 0.4 + 0.2 + 0.1) / 7)
    assert (metrics.rows, metrics.positives) == (7, 3)
    assert metrics.base_rate == pytest.approx(3 / 7)


def test_the_interval_is_delongs() -> None:
    # By hand: each positive's share of negatives below it, and each negative's share of positives above it.
    above = np.array([1, 3.5 / 4, 2 / 4])
    below = np.array([1.5 / 3, 2 / 3, 1, 1])
    error = math.sqrt(above.var(ddof=1) / 3 + below.var(ddof=1) / 4)
    low, high = auroc_interval(LABELS, PROBABILITIES)
    assert low == pytest.approx(9.5 / 12 - 1.959964 * error, abs=1e-6)
    assert high == 1.0


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(5)
    truth = 0.5 * (1 + math.erf(0.5))  # two normal distributions, one standard deviation apart
    labels = np.repeat([True, False], [150, 350])
    draws = [auroc_interval(labels, random.normal(size=500) + labels) for _ in range(400)]
    covered = [low <= truth <= high for low, high in draws]
    assert 0.92 <= np.mean(covered) <= 0.98


def test_probabilities_at_the_ends_fall_into_the_first_and_the_last_bin() -> None:
    assert expected_calibration_error(np.array([True, False]), np.array([1.0, 0.0])) == 0
