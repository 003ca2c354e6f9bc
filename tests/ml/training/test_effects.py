"""What each feature alone tells about leaving (C3), and what a model loses without it."""

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import chi2_contingency

from app.domain.features import Feature, FeatureType
from app.ml.training.effects import Effect, bin_of, permutation_importance, univariate_effects

ROWS = 4000


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(11)


def effect_of(column: NDArray[Any], labels: NDArray[np.bool_], type: FeatureType = FeatureType.NUMBER) -> Effect:
    matrix = column.astype(np.float32)[:, None]
    return univariate_effects(matrix, labels, [Feature("x", type)], seed=1)[0]


def drawn(logits: NDArray[Any], random: np.random.Generator) -> NDArray[np.bool_]:
    left: NDArray[np.bool_] = random.random(len(logits)) < 1 / (1 + np.exp(-logits))
    return left


def test_a_strong_a_weak_and_no_effect_are_ranked_right_by_every_measure(random: np.random.Generator) -> None:
    # C3
    matrix = random.normal(size=(ROWS, 3))
    labels = drawn(1.5 * matrix[:, 1] + 0.4 * matrix[:, 2] - 1, random)
    features = [Feature(name, FeatureType.NUMBER) for name in ("none", "strong", "weak")]
    none, strong, weak = univariate_effects(matrix.astype(np.float32), labels, features, seed=1)
    assert strong.information_value > 0.5 > weak.information_value > 0.02
    assert none.information_value < 0.02
    assert strong.auc > 0.75 > weak.auc > 0.55 > none.auc > 0.45
    assert strong.p_value < weak.p_value < 0.001 < none.p_value
    importance, error = permutation_importance(matrix.astype(np.float32), labels, seed=1)
    assert importance[1] > importance[2] > 2 * error[2]
    assert importance[0] < 2 * error[0]


def test_the_measures_of_a_table_of_four_cells_equal_what_a_hand_computes() -> None:
    # 60 stayers and 10 leavers without the flag, 40 and 30 with it
    flag = np.repeat([0.0, 0.0, 1.0, 1.0], [60, 10, 40, 30])
    labels = np.repeat([False, True, False, True], [60, 10, 40, 30])
    effect = effect_of(flag, labels, FeatureType.BOOLEAN)
    stayed, left = (60.5 / 101, 40.5 / 101), (10.5 / 41, 30.5 / 41)
    assert effect.information_value == pytest.approx(
        sum((one - other) * math.log(one / other) for one, other in zip(stayed, left, strict=True))
    )
    assert effect.p_value == pytest.approx(chi2_contingency([[60, 40], [10, 30]], correction=False).pvalue)
    # A leaver with the flag beats every stayer without it; half of the other pairs are ties.
    assert effect.auc == pytest.approx((30 * 60 + (30 * 40 + 10 * 60) / 2) / (40 * 100), abs=0.01)


def test_levels_that_mean_nothing_score_a_half_however_many_they_are(random: np.random.Generator) -> None:
    levels = random.integers(1, 51, (30, ROWS)).astype(float)
    labels = random.random((30, ROWS)) < 0.2
    aucs = [effect_of(*table, FeatureType.CATEGORY).auc for table in zip(levels, labels, strict=True)]
    assert np.mean(aucs) == pytest.approx(0.5, abs=0.01)


def test_an_effect_at_both_ends_counts(random: np.random.Generator) -> None:
    minutes = random.normal(size=ROWS)
    assert effect_of(minutes, drawn(minutes**2 - 2, random)).auc > 0.65


def test_a_blank_is_a_bin_of_its_own(random: np.random.Generator) -> None:
    column, labels = random.normal(size=ROWS), random.random(ROWS) < 0.3
    column[labels & (random.random(ROWS) < 0.5)] = np.nan
    effect = effect_of(column, labels)
    assert effect.missing_share == pytest.approx(0.15, abs=0.02)
    assert effect.auc > 0.7
    assert effect.p_value < 1e-9


@pytest.mark.parametrize("type", FeatureType)
def test_a_column_that_equals_the_label_has_finite_effects_and_a_blank_one_has_none(type: FeatureType) -> None:
    labels = np.arange(400) % 4 == 0
    same, blank = effect_of(labels + 1.0, labels, type), effect_of(np.full(400, np.nan), labels, type)
    assert math.isfinite(same.information_value)
    assert same.auc == pytest.approx(1)
    assert (blank.information_value, blank.p_value, blank.missing_share) == (0, 1, 1)
    assert blank.auc == pytest.approx(0.5)


def test_the_zeros_of_a_count_have_a_bin_of_their_own() -> None:
    counts = np.repeat([0.0, 1.0, 2.0, 9.0], [80, 8, 8, 4]).astype(np.float32)
    bins = bin_of(counts, Feature("calls", FeatureType.NUMBER))
    assert set(bins[counts == 0]).isdisjoint(bins[counts > 0])


def test_rare_levels_are_pooled() -> None:
    levels = np.concatenate([np.repeat([1.0, 2.0], 200), np.arange(3.0, 53.0)]).astype(np.float32)
    assert len(set(bin_of(levels, Feature("plan", FeatureType.CATEGORY)))) == 3


def test_two_features_that_matter_only_together_are_important(random: np.random.Generator) -> None:
    # Alone, neither tells anything.
    flags = random.integers(0, 2, (ROWS, 2))
    labels = drawn(np.where(flags[:, 0] == flags[:, 1], -2.0, 0.5), random)
    matrix = np.column_stack([flags, random.normal(size=(ROWS, 3))]).astype(np.float32)
    importance, error = permutation_importance(matrix, labels, seed=1)
    assert (importance[:2] > 5 * error[:2]).all()


def test_noise_is_rarely_taken_for_important(random: np.random.Generator) -> None:
    # An error over shuffles alone would let one column in five pass.
    matrix = random.normal(size=(ROWS, 16))
    labels = drawn(matrix[:, 0], random)
    importance, error = permutation_importance(matrix.astype(np.float32), labels, seed=1)
    assert (importance[1:] > 2 * error[1:]).sum() <= 2
