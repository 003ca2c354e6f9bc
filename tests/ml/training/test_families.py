"""Every family answers the same rows with probabilities, whatever is in them (C7)."""

import numpy as np
import pytest

from app.domain.features import Feature, FeatureType
from app.ml.training.comparison import FAMILIES
from app.ml.training.families import Family
from app.ml.training.fit import Effort

FEATURES = (
    Feature("spend", FeatureType.NUMBER),
    Feature("empty", FeatureType.NUMBER),
    Feature("plan", FeatureType.CATEGORY, levels=("basic", "gold", "rare")),
    Feature("roams", FeatureType.BOOLEAN),
)
ROWS = 600


def rows_and_labels() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(1)
    plan = np.where(np.arange(ROWS) < 3, 3, random.integers(1, 3, ROWS))
    matrix = np.column_stack([random.normal(50, 20, ROWS), np.full(ROWS, np.nan), plan, random.integers(0, 2, ROWS)])
    matrix[random.random((ROWS, 4)) < 0.1] = np.nan
    logit = np.nan_to_num(matrix[:, 0] - 50) / 10 + 2 * (matrix[:, 2] == 2) - 1
    return matrix.astype(np.float32), random.random(ROWS) < 1 / (1 + np.exp(-logit))


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_family_learns_despite_missing_values_and_answers_what_it_never_saw(family: Family, effort: Effort) -> None:
    matrix, labels = rows_and_labels()
    one, same = (
        family.fit(matrix[:400], labels[:400], FEATURES, keys=np.arange(400), seed=3, effort=effort) for _ in range(2)
    )
    answers = one.probabilities(matrix[400:])
    assert answers.dtype == np.float64
    assert answers[labels[400:]].mean() > answers[~labels[400:]].mean() + 0.2
    strange = np.array([[1e30, 5, 4, np.nan], [np.nan, np.nan, np.nan, np.nan], [-1e30, 0, 3, 1]], np.float32)
    assert ((one.probabilities(strange) >= 0) & (one.probabilities(strange) <= 1)).all()
    assert np.array_equal(answers, same.probabilities(matrix[400:]))


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_probabilities_follow_the_base_rate_since_nothing_is_weighted_or_resampled(
    family: Family, effort: Effort
) -> None:
    # C13
    matrix, _ = rows_and_labels()
    labels = np.random.default_rng(2).random(ROWS) < 0.1
    fitted = family.fit(matrix, labels, FEATURES, keys=np.arange(ROWS), seed=3, effort=effort)
    assert fitted.probabilities(matrix).mean() == pytest.approx(labels.mean(), abs=0.03)
