"""The curves go through the points that a hand computes."""

import numpy as np
import pytest

from app.ml.training.curves import curves, gain, reliability, roc, wilson

LABELS = np.array([True, True, True, False, False, False, False])
PROBABILITIES = np.array([0.9, 0.8, 0.3, 0.8, 0.4, 0.2, 0.1])


def test_the_roc_of_a_small_table() -> None:
    third, quarter = 1 / 3, 1 / 4
    expected = [(0, 0), (0, third), (quarter, 2 * third), (2 * quarter, 2 * third), (2 * quarter, 1), (0.75, 1), (1, 1)]
    assert roc(LABELS, PROBABILITIES) == [pytest.approx(point) for point in expected]


def test_the_gain_of_a_small_table() -> None:
    points = dict(gain(LABELS, PROBABILITIES))
    assert (points[0.0], points[1.0]) == (0, 1)
    assert points[0.5] == pytest.approx(2 / 3)  # three and a half rows: .9, both .8 and half of .4


def test_no_curve_has_more_than_two_hundred_points() -> None:
    random = np.random.default_rng(1)
    labels, scores = random.random(5000) < 0.3, random.random(5000)
    drawn = curves(labels, {"ebm": scores, "logistic": scores**2})
    assert len(drawn.calibration) == 10
    for lines in (drawn.roc, drawn.gain, drawn.lift):
        assert set(lines) == {"ebm", "logistic"}
        assert all(50 < len(points) <= 200 for points in lines.values())
    assert drawn.lift["ebm"][-1] == (1, 1)


def test_calibration_bins_hold_as_many_rows_each_with_their_observed_rate() -> None:
    random = np.random.default_rng(2)
    scores = random.random(2000)
    labels = random.random(2000) < scores
    bins = reliability(labels, scores)
    assert [each.rows for each in bins] == [200] * 10
    assert sum(each.low <= each.predicted <= each.high for each in bins) >= 8
    assert sum(each.observed * each.rows for each in bins) == pytest.approx(labels.sum())


def test_wilsons_interval() -> None:
    # Newcombe, Statistics in Medicine 17 (1998), table I: 15 of 148 and 0 of 20
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0, 0.1611), abs=5e-5)
