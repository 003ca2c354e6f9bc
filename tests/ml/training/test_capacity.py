"""The simplest model that is as good as the best is chosen, and a better one is not passed over."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from app.domain.features import Feature, FeatureType
from app.ml.training.capacity import MOST_ROWS, POINTS, Candidate, choose, choose_capacity
from app.ml.training.fit import Effort
from app.ml.training.folds import Keys

FEATURES = tuple(Feature(name, FeatureType.NUMBER) for name in ("a", "b", "c"))
SIMPLEST = next(iter(POINTS))


@dataclass
class Answering:
    """Answers the first column, pulled towards one half: the less, the better."""

    pull: float
    wave: float = 0.0

    def probabilities(self, matrix: NDArray[np.float32]) -> NDArray[np.float64]:
        first = matrix[:, 0].astype(np.float64)
        jitter = 0.01 * np.sin(self.wave * first)
        return np.clip(first + self.pull * (0.5 - first) + jitter, 0.01, 0.99)


def candidate(pull: float, wave: float = 0.0) -> Candidate:
    return lambda _rows, _labels, _keys: Answering(pull, wave)


def table(rows: int) -> tuple[NDArray[np.float32], NDArray[np.bool_], Keys]:
    random = np.random.default_rng(1)
    matrix = random.random((rows, 3), np.float32)
    return matrix, random.random(rows) < matrix[:, 0], np.arange(rows)


def test_the_better_candidate_is_chosen_though_it_is_not_the_simplest() -> None:
    found = choose({"simple": candidate(0.5), "flexible": candidate(0)}, *table(3000), seed=1)
    assert found.chosen == "flexible"
    assert found.folds == 3
    simple, flexible = found.choices
    assert simple.log_loss > flexible.log_loss
    assert 0 < flexible.error < 0.05


def test_the_simplest_of_equals_is_chosen() -> None:
    candidates = {"simple": candidate(0, 1e4), "flexible": candidate(0, 2e4)}
    assert choose(candidates, *table(3000), seed=1).chosen == "simple"


def test_a_large_table_is_judged_by_a_part_of_it() -> None:
    seen = []

    def remembering(rows: NDArray[np.float32], _labels: NDArray[np.bool_], _keys: Keys) -> Answering:
        seen.append(len(rows))
        return Answering(0)

    choose({"only": remembering}, *table(3 * MOST_ROWS + 3), seed=1)
    assert seen == pytest.approx([MOST_ROWS * 2 / 3] * 3, rel=0.3)


@pytest.mark.parametrize("together", [False, True])
def test_pairs_are_chosen_where_the_truth_has_some_and_only_there(
    together: bool,  # noqa: FBT001  # a parameter of the test
    effort: Effort,
) -> None:
    random = np.random.default_rng(1)
    matrix = random.normal(size=(800, 3)).astype(np.float32)
    truth = 2.5 * matrix[:, 0] * matrix[:, 1] if together else 1.5 * matrix[:, 0]
    labels = random.random(800) < 1 / (1 + np.exp(-truth))
    capacity, chosen = choose_capacity(
        matrix, labels, FEATURES, keys=np.arange(800), seed=1, effort=replace(effort, max_rounds=1000)
    )
    assert (capacity.chosen != SIMPLEST) == together
    assert (chosen.interactions > 0) == together
    assert [choice.name for choice in capacity.choices] == list(POINTS)
    assert chosen.outer_bags == effort.outer_bags
