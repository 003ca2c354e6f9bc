"""How flexible a model should be: a few candidates, compared on rows they did not see, the simplest good one taken."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from app.domain.features import Feature
from app.ml.training.families import ExplainableBoosting, Fitted
from app.ml.training.fit import Effort
from app.ml.training.folds import Keys, deal, folds
from app.ml.training.measures import mean_and_error, row_losses

Candidate: TypeAlias = Callable[[NDArray[np.float32], NDArray[np.bool_], Keys], Fitted]

MOST_ROWS = 20_000
FOLDS = 3
BAGS = 2
ERRORS = 2.0
# From the simplest to the most flexible.
POINTS: Mapping[str, Mapping[str, Any]] = {
    "mains": {"interactions": 0, "max_bins": 32, "learning_rate": 0.005},
    "pairs": {"interactions": 10, "max_bins": 64, "learning_rate": 0.02},
    "many pairs": {"interactions": 20, "max_bins": 256, "learning_rate": 0.02},
}
FASTER = 3  # in the comparison of the points only: the order of their losses does not depend on it


@dataclass(frozen=True, slots=True)
class Choice:
    """The mean log-loss of one candidate on rows it did not see, and the standard error of that mean."""

    name: str
    log_loss: float
    error: float


@dataclass(frozen=True, slots=True)
class Capacity:
    choices: tuple[Choice, ...]
    chosen: str
    folds: int


def choose_capacity(
    matrix: NDArray[np.float32],
    labels: NDArray[np.bool_],
    features: Sequence[Feature],
    *,
    keys: Keys,
    seed: int,
    effort: Effort,
) -> tuple[Capacity, Effort]:
    """Choose among POINTS by cross-validation with few bags; return what was found and the effort to fit with."""
    efforts = {name: replace(effort, **point) for name, point in POINTS.items()}

    def candidate(effort: Effort) -> Candidate:
        light = replace(effort, outer_bags=min(BAGS, effort.outer_bags), learning_rate=effort.learning_rate * FASTER)
        return lambda rows, left, keys: ExplainableBoosting().fit(
            rows, left, features, keys=keys, seed=seed, effort=light
        )

    capacity = choose({name: candidate(each) for name, each in efforts.items()}, matrix, labels, keys, seed=seed)
    return capacity, efforts[capacity.chosen]


def choose(
    candidates: Mapping[str, Candidate],
    matrix: NDArray[np.float32],
    labels: NDArray[np.bool_],
    keys: Keys,
    *,
    seed: int,
    tested: int = FOLDS,
    most_rows: int = MOST_ROWS,
    errors: float = ERRORS,
) -> Capacity:
    """Compare candidates, given from simple to flexible, on the first `tested` of three folds of at most `most_rows`.

    The simplest wins whose log-loss exceeds the least by no more than `errors` standard errors of the difference: the
    one-standard-error rule (Breiman et al., Classification and Regression Trees, 1984) made fit for paired differences,
    whose errors are several times smaller than those of the losses themselves. Raises TooFewToSplit.
    """
    few = np.flatnonzero(deal(labels, keys, -(-len(labels) // most_rows), np.random.default_rng(seed)) == 0)
    matrix, labels, keys = matrix[few], labels[few], keys[few]
    splits = folds(labels, keys, count=FOLDS, seed=seed).splits[:tested]
    judged = keys[np.concatenate([test for _, test in splits])]
    losses = {
        name: np.concatenate(
            [
                row_losses(labels[test], fit(matrix[train], labels[train], keys[train]).probabilities(matrix[test]))
                for train, test in splits
            ]
        )
        for name, fit in candidates.items()
    }
    best = min(losses.values(), key=lambda each: float(each.mean()))
    excess = {name: mean_and_error(each - best, judged) for name, each in losses.items()}
    chosen = next(name for name, (mean, error) in excess.items() if mean <= errors * error)
    choices = tuple(Choice(name, *mean_and_error(each, judged)) for name, each in losses.items())
    return Capacity(choices, chosen, len(splits))
