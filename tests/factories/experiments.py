"""Logs to learn from: who had what contract, was given what by the toss of a coin, and left or stayed."""

from typing import Any

import numpy as np

from app.domain.features import Feature, FeatureType
from app.ml.dataset import Dataset
from app.ml.training.fit import Effort
from app.ml.training.uplift.experiment import Assignment, Experiment, experiment_of

ACTION = "plan_review_call"
CONTROL = "none"
Change = tuple[float, float]
SOME_STAY: Change = (-0.4, 0.25)  # who may leave any month is kept, who is bound is woken
ALL_STAY: Change = (-0.2, -0.2)
NOTHING: Change = (0.0, 0.0)
LIGHT = Effort(interactions=0, max_bins=16, pair_bins=8, outer_bags=2, learning_rate=0.05)
_NUMBER = Feature("tenure_months", FeatureType.NUMBER, None, None, None, (), nullable=False)
_CATEGORY = Feature("contract", FeatureType.CATEGORY, None, None, None, (), nullable=False)


def coin(rows: int = 4000, seed: int = 1, *, change: Change = SOME_STAY) -> tuple[Dataset, dict[str, Any]]:
    """A log of a fair coin; the action changes who leaves by so much where the contract is monthly, and where not."""
    random = np.random.default_rng(seed)
    monthly, treated = random.random(rows) < 0.5, random.random(rows) < 0.5
    left = random.random(rows) < 0.5 + np.where(monthly, *change) * treated
    columns: dict[str, list[Any]] = {
        "tenure_months": random.integers(1, 72, rows).astype(float).tolist(),
        "contract": np.where(monthly, "Month-to-month", "Two year").tolist(),
    }
    dataset = Dataset([f"log-{row}" for row in range(rows)], (_NUMBER, _CATEGORY), columns, left)
    said = {
        "arms": np.where(treated, ACTION, CONTROL).tolist(),
        "control": CONTROL,
        "propensities": {CONTROL: [0.5] * rows, ACTION: [0.5] * rows},
    }
    return dataset, said


def experiment(rows: int = 4000, seed: int = 1, *, change: Change = SOME_STAY) -> Experiment:
    dataset, said = coin(rows, seed, change=change)
    return experiment_of(dataset, Assignment(**said))
