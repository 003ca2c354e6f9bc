"""The families side by side: the same folds, every row judged by models that never saw it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from app.domain.features import Feature
from app.ml.training.boosted_trees import BoostedTrees
from app.ml.training.families import ExplainableBoosting, Family
from app.ml.training.fit import Effort
from app.ml.training.folds import Folds, Keys, Rows
from app.ml.training.logistic import Logistic
from app.ml.training.measures import RANGES, Measure, Ranking, resamples, with_intervals

# The served family comes first: the others are compared with it.
FAMILIES: tuple[Family, ...] = (ExplainableBoosting(), BoostedTrees(), Logistic())
BAGS = 4  # fewer than a model that is served: the difference is in the third digit, and it is fitted once a fold
ANY_GAP = dict.fromkeys(RANGES, (-np.inf, np.inf))


@dataclass(frozen=True, slots=True)
class Standing:
    """How well one family does; `gap` is its measures minus the served family's, None for the served family."""

    name: str
    title: str
    served: bool
    measures: dict[str, Measure]
    gap: dict[str, Measure] | None


@dataclass(frozen=True, slots=True)
class Comparison:
    protocol: str
    families: tuple[Standing, ...]


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """The rows [M] that were tested, and each family's probabilities [M] of them by a model that never saw them."""

    rows: Rows
    probabilities: Mapping[str, NDArray[np.float64]]

    @property
    def logits(self) -> NDArray[np.float64]:
        """The served family's logits [M]: what a calibration or a second model may be fitted to."""
        least = np.finfo(np.float64).tiny
        return np.asarray(logit(np.clip(self.probabilities[FAMILIES[0].name], least, 1 - np.finfo(np.float64).epsneg)))


def compare(
    matrix: NDArray[np.float32],
    labels: NDArray[np.bool_],
    features: Sequence[Feature],
    folds: Folds,
    *,
    keys: Keys,
    seed: int,
    effort: Effort,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[Comparison, OutOfFold]:
    """Cross-validate every family on the same folds of encoded rows [N, features].

    Measures and gaps are of all tested rows together. A gap's interval is paired: both families are measured on the
    same resamples, in which the rows of one key [N] are drawn together.
    """
    effort = replace(effort, outer_bags=min(BAGS, effort.outer_bags))
    tested = np.concatenate([test for _, test in folds.splits])
    found = {}
    for family in FAMILIES:
        progress(f"Comparing: {family.title}")
        answers = [
            family.fit(
                matrix[train], labels[train], features, keys=keys[train], seed=seed, effort=effort
            ).probabilities(matrix[test])
            for train, test in folds.splits
        ]
        found[family.name] = np.concatenate(answers)
    protocol = f"{folds.protocol}; outer bags of the explainable boosting machine: {effort.outer_bags}"
    return Comparison(protocol, standings(labels[tested], found, keys[tested], seed=seed)), OutOfFold(tested, found)


def standings(
    labels: NDArray[np.bool_], probabilities: Mapping[str, NDArray[np.float64]], keys: Keys, *, seed: int
) -> tuple[Standing, ...]:
    """Measure the probabilities [N] of each family against labels [N], and its gap to the served one."""
    rankings = [Ranking(labels, probabilities[family.name]) for family in FAMILIES]
    values = np.array([ranking.measure() for ranking in rankings])
    draws = np.array(
        [[ranking.measure(counts) for counts in resamples(labels, keys, seed=seed)] for ranking in rankings]
    )
    return tuple(
        Standing(
            family.name,
            family.title,
            served=at == 0,
            measures=with_intervals(values[at], draws[at], RANGES),
            gap=with_intervals(values[at] - values[0], draws[at] - draws[0], ANY_GAP) if at else None,
        )
        for at, family in enumerate(FAMILIES)
    )
