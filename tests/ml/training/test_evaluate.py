"""A manifest tells the measures with their intervals (C10)."""

import numpy as np
import pytest

from app.ml.training.evaluate import evaluate
from app.ml.training.measures import measures

LABELS = np.array([True, True, True, False, False, False, False])
PROBABILITIES = np.array([0.9, 0.8, 0.3, 0.8, 0.4, 0.2, 0.1])


def test_the_metrics_are_the_measures_and_how_many_rows_there_were() -> None:
    metrics = evaluate(LABELS, PROBABILITIES)
    for name, measure in measures(LABELS, PROBABILITIES).items():
        assert getattr(metrics, name) == measure.value
        assert getattr(metrics.intervals, name) == (measure.low, measure.high)
    assert (metrics.rows, metrics.positives) == (7, 3)
    assert metrics.base_rate == pytest.approx(3 / 7)
