"""Fitting: an explainable boosting machine, whose terms are the model and not an approximation of it."""

import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import joblib
import numpy as np
from interpret.glassbox import ExplainableBoostingClassifier
from numpy.typing import NDArray

from app.domain.features import Feature, FeatureType


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard to try. The defaults are the product's; tests try less."""

    interactions: int = 10
    max_bins: int = 64
    pair_bins: int = 32
    learning_rate: float = 0.02
    outer_bags: int = 14
    max_rounds: int = 50_000
    threads: int = -1  # -1: one a core; the result does not depend on it


FULL = Effort()
TURN = 1e-4  # seconds

# Without it, a bin that holds one class alone (ten rows without a value, a rare tariff) is pushed on and on, until it
# decides a score by itself: by 22 log-odds on the public sample, against under 2 with it, which costs no accuracy.
LEAF_PENALTY = 1.0


def fit(
    matrix: NDArray[np.float32],
    labels: NDArray[np.bool_],
    contract: Sequence[Feature],
    *,
    seed: int,
    effort: Effort,
    pairs: Sequence[tuple[int, int]] | None = None,
    weights: NDArray[np.float64] | None = None,
) -> ExplainableBoostingClassifier:
    """Fit encoded rows [N, features] to their labels [N]; the same rows and seed give the same model.

    `pairs` are the features that act together, chosen by the data unless given; `weights` [N] are how much rows count.

    No class weights and no resampling: both would spoil the probabilities.
    """
    # The types are stated because the library would otherwise guess them from the values.
    types = ["continuous" if feature.type is FeatureType.NUMBER else "nominal" for feature in contract]
    model = ExplainableBoostingClassifier(
        feature_names=[feature.name for feature in contract],
        feature_types=types,
        interactions=effort.interactions if pairs is None else list(pairs),
        max_bins=effort.max_bins,
        max_interaction_bins=effort.pair_bins,
        learning_rate=effort.learning_rate,
        outer_bags=effort.outer_bags,
        max_rounds=effort.max_rounds,
        n_jobs=effort.threads,
        reg_lambda=LEAF_PENALTY,
        random_state=seed,
    )
    # Threads, not processes: the work is native code that lets the others run, and a process would first import it all.
    with warnings.catch_warnings(), _short_turns(), joblib.parallel_config(backend="threading"):
        # The warning is about the library's own charts, which leave the score of a missing value out; ours do not.
        warnings.filterwarnings("ignore", message="Missing values detected", category=UserWarning)
        # A column may be empty in the part of the table that one fold learns from: then it gets no scores.
        warnings.filterwarnings("ignore", message="All-NaN slice encountered", category=RuntimeWarning)
        return model.fit(matrix, labels, sample_weight=weights)


@contextmanager
def _short_turns() -> Iterator[None]:
    # A round of boosting on a small table takes a tenth of a millisecond, half of it in Python: with Python's turns of
    # 5 ms two threads are as slow as one. Measured on 5,000 rows and two cores: 16 s, and 10 s with short turns.
    turn = sys.getswitchinterval()
    sys.setswitchinterval(TURN)
    try:
        yield
    finally:
        sys.setswitchinterval(turn)
