"""How good a model is on rows that it never saw, as its manifest tells it."""

import numpy as np
from numpy.typing import NDArray

from app.ml.manifest import Intervals, Metrics
from app.ml.training.folds import Keys
from app.ml.training.measures import measures


def evaluate(
    labels: NDArray[np.bool_], probabilities: NDArray[np.float64], keys: Keys | None = None, *, seed: int = 0
) -> Metrics:
    """Measure probabilities [N] against labels [N], which must hold both classes (see `measures`)."""
    found = measures(labels, probabilities, keys, seed=seed)
    return Metrics(
        **{name: measure.value for name, measure in found.items()},
        intervals=Intervals(**{name: (measure.low, measure.high) for name, measure in found.items()}),
        rows=len(labels),
        positives=int(labels.sum()),
        base_rate=float(labels.mean()),
    )
