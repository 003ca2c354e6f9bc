"""What each feature alone tells about leaving, and what a model loses without it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # comes with scikit-learn, without types

from app.domain.features import Feature, FeatureType
from app.ml.training.associations import MOST_ROWS, Codes, Numbers, pooled_levels, sample

DECILES = 10
FOLDS = 5
PRIOR_ROWS = 10  # a bin's rate starts from that of all rows, as if seen on so many: a small bin says little
HALF_A_ROW = 0.5  # added to every cell, so that a bin of one class alone has finite weight of evidence
MODEL_FOLDS = 3
TREES = {"max_iter": 50, "max_leaf_nodes": 15, "early_stopping": False}
MOST_SHUFFLES = 3


@dataclass(frozen=True, slots=True)
class Effect:
    """One feature's effect on the label.

    `information_value` ≥ 0 and `p_value` (chi-square) are of its bins, a blank being a bin of its own; `auc` is that of
    the bins' rates on rows that were not counted in them, so noise scores .5 and a U-shaped effect scores above it.
    `importance` is what a model of the features then in loses in log-loss when this one is shuffled, `importance_error`
    its standard error; both are 0 for a feature that went before that model was made.
    """

    name: str
    type: FeatureType
    information_value: float
    auc: float
    p_value: float
    missing_share: float
    importance: float = 0.0
    importance_error: float = 0.0


def univariate_effects(
    matrix: NDArray[np.float32], labels: NDArray[np.bool_], features: Sequence[Feature], *, seed: int
) -> list[Effect]:
    """Measure each column of encoded rows [N, features] alone, in their order. Each class needs two rows at least."""
    folds = fold_of(labels, FOLDS, seed)
    effects = []
    for column, feature in zip(matrix.T, features, strict=True):
        counts = _count(bin_of(column, feature), labels, folds, FOLDS)
        both = counts.sum(axis=0)
        missing_share = float(np.isnan(column).mean())
        effects.append(
            Effect(feature.name, feature.type, _information_value(both), _auc(counts), _p_value(both), missing_share)
        )
    return effects


def permutation_importance(
    matrix: NDArray[np.float32], labels: NDArray[np.bool_], *, seed: int
) -> tuple[Numbers, Numbers]:
    """Return what each feature is worth to a small boosted-tree model, in log-loss, and the standard errors.

    Breiman, Machine Learning 45 (2001), cross-fitted: each of at most 20,000 rows is judged by a model that never saw
    it. The error is over rows, not over shuffles: shuffling again and again on the same rows would hide that another
    sample gives another answer, and one noise column in five would look useful.
    """
    rows = sample(len(matrix), seed)
    matrix, labels = matrix[rows], labels[rows]
    folds = fold_of(labels, MODEL_FOLDS, seed)
    random = np.random.default_rng(seed)
    shuffles = min(MOST_SHUFFLES, MOST_ROWS // len(rows))  # few rows are judged more often
    losses = np.zeros(matrix.shape)
    # One thread: the many small predictions are over before a second one has started; on a busy machine, waiting for it
    # took twenty times as long.
    with threadpool_limits(1, user_api="openmp"):
        for fold in range(MODEL_FOLDS):
            model = HistGradientBoostingClassifier(**TREES, random_state=seed)
            model.fit(matrix[folds != fold], labels[folds != fold])
            losses[folds == fold] = _extra_losses(model, matrix[folds == fold], labels[folds == fold], random, shuffles)
    return losses.mean(axis=0), losses.std(axis=0, ddof=1) / np.sqrt(len(losses))


def fold_of(labels: NDArray[np.bool_], folds: int, seed: int) -> Codes:
    """Deal the rows of each class out evenly: the fold of each row [N]."""
    random = np.random.default_rng(seed)
    dealt = np.empty(len(labels), np.int64)
    for side in (labels, ~labels):
        dealt[side] = random.permutation(int(side.sum())) % folds
    return dealt


def bin_of(column: NDArray[np.float32], feature: Feature, bins: int = DECILES) -> Codes:
    """Number the bins of one feature [N] from 1: the quantiles of a number, the levels of anything else; 0 is missing.

    A bin ends with its upper edge, so that the zeros of a count that is mostly zero have a bin to themselves.
    """
    if feature.type is not FeatureType.NUMBER:
        return pooled_levels(column)
    known = ~np.isnan(column)
    codes = np.zeros(len(column), np.int64)
    if known.any():
        edges = np.quantile(column[known], np.arange(1, bins) / bins, method="inverted_cdf")
        codes[known] = np.searchsorted(np.unique(edges), column[known], side="left") + 1
    return codes


def out_of_fold_auc(codes: Codes, labels: NDArray[np.bool_], *, seed: int) -> float:
    """Return the AUC of the bins' [N] rates, each row judged by the rate among the rows of the other folds."""
    return _auc(_count(codes, labels, fold_of(labels, FOLDS, seed), FOLDS))


def _count(codes: Codes, labels: NDArray[np.bool_], folds: Codes, most: int) -> Numbers:
    """Count rows by fold, label (stayed, left) and bin, leaving out bins without a row."""
    width = int(codes.max()) + 1
    cells = np.bincount((folds * 2 + labels) * width + codes, minlength=most * 2 * width)
    counts = cells.reshape(most, 2, width).astype(np.float64)
    return counts[:, :, counts.any(axis=(0, 1))]


def _information_value(counts: Numbers) -> float:
    """Return Σ (share of stayers - share of leavers) · ln of their ratio (Siddiqi, Credit Risk Scorecards, 2006)."""
    shares = counts + HALF_A_ROW
    stayed, left = shares / shares.sum(axis=1, keepdims=True)
    return float(((stayed - left) * np.log(stayed / left)).sum())


def _p_value(counts: Numbers) -> float:
    """Return how often chance alone gives a table [label, bin] at least as uneven (Pearson's chi-square)."""
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()
    return float(chi2.sf(((counts - expected) ** 2 / expected).sum(), max(1, counts.shape[1] - 1)))


def _auc(counts: Numbers) -> float:
    """Return the AUC of counted rows [fold, label, bin], ranked by their bin's rate in the other folds.

    Only rows of one fold are compared: across folds, one bin has the lower rate elsewhere where it has the higher here.
    """
    others = counts.sum(axis=0) - counts
    prior = counts[:, 1].sum() / counts.sum()
    rates = (others[:, 1] + PRIOR_ROWS * prior) / (others.sum(axis=1) + PRIOR_ROWS)
    won = pairs = 0.0
    for (stayers, leavers), rate in zip(counts, rates, strict=True):
        place = np.unique(rate, return_inverse=True)[1]
        stayed, left = np.bincount(place, stayers), np.bincount(place, leavers)
        won += float(left @ (np.cumsum(stayed) - stayed / 2))  # a tie is half a win
        pairs += float(left.sum() * stayed.sum())
    return won / pairs


def _extra_losses(
    model: HistGradientBoostingClassifier,
    matrix: NDArray[np.float32],
    labels: NDArray[np.bool_],
    random: np.random.Generator,
    shuffles: int,
) -> Numbers:
    """Return by how much each row's [N, features] log-loss grows when a feature is shuffled among the rows."""
    plain = _log_losses(model, matrix, labels)
    extra = np.zeros(matrix.shape)
    for index in range(matrix.shape[1]):
        shuffled = matrix.copy()
        for _ in range(shuffles):
            shuffled[:, index] = random.permutation(matrix[:, index])
            extra[:, index] += (_log_losses(model, shuffled, labels) - plain) / shuffles
    return extra


def _log_losses(
    model: HistGradientBoostingClassifier, matrix: NDArray[np.float32], labels: NDArray[np.bool_]
) -> Numbers:
    logits: Numbers = model.decision_function(matrix)
    return np.logaddexp(0, np.where(labels, -logits, logits))
