"""Logs to learn from: who had what contract, was given what by the toss of a coin, and left or stayed."""

from typing import Any

import numpy as np

from app.domain.features import Feature, FeatureType
from app.ml.dataset import Dataset
from app.ml.training.fit import Effort
from app.ml.training.uplift.experiment import Assignment, Experiment, experiment_of

ACTION = "plan_review_call"
CONTROL = "none"
LIGHT = Effort(interactions=0, max_bins=16, pair_bins=8, outer_bags=2, learning_rate=0.05)
_NUMBER = Feature("tenure_months", FeatureType.NUMBER, None, None, None, (), nullable=False)
_CATEGORY = Feature("contract", FeatureType.CATEGORY, None, None, None, (), nullable=False)


def coin(rows: int = 4000, seed: int = 1, *, helps: bool = True) -> tuple[Dataset, dict[str, Any]]:
    """A log of a fair coin; where the action `helps`, it keeps who may leave any month and wakes who is bound."""
    random = np.random.default_rng(seed)
    monthly, treated = random.random(rows) < 0.5, random.random(rows) < 0.5
    change = np.where(monthly, -0.4, 0.25) if helps else 0.0
    left = random.random(rows) < 0.5 + change * treated
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


def experiment(rows: int = 4000, seed: int = 1, *, helps: bool = True) -> Experiment:
    dataset, said = coin(rows, seed, helps=helps)
    return experiment_of(dataset, Assignment(**said))
