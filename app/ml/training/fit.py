"""Fitting: an explainable boosting machine, whose terms are the model and not an approximation of it."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

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
    processes: int = -1  # -1: one a core; the result does not depend on it


FULL = Effort()
WORTH_SHARING = 20_000  # rows times bags: fewer are fitted before another process has started

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
        n_jobs=effort.processes if len(labels) * effort.outer_bags > WORTH_SHARING else 1,
        reg_lambda=LEAF_PENALTY,
        random_state=seed,
    )
    # Processes, which the library keeps for the next time, and no threads: those wait for each other, since half of a
    # round of boosting on a small table is Python. Fourteen bags of 5,275 rows take 17 s in one process, 20 to 32 s in
    # two threads, 12 s in two processes, and 8 s once these are there.
    with warnings.catch_warnings():
        # The warning is about the library's own charts, which leave the score of a missing value out; ours do not.
        warnings.filterwarnings("ignore", message="Missing values detected", category=UserWarning)
        # A column may be empty in the part of the table that one fold learns from: then it gets no scores.
        warnings.filterwarnings("ignore", message="All-NaN slice encountered", category=RuntimeWarning)
        return model.fit(matrix, labels, sample_weight=weights)
