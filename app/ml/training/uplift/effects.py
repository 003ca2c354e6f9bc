"""The model of effects: one EBM with arm × feature terms, and its predictions of rows it never saw."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from interpret.glassbox import ExplainableBoostingClassifier
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from app.ml.training.fit import Effort, fit
from app.ml.training.uplift.experiment import Experiment

FOLDS: Final = 5
EFFORT: Final = Effort(max_bins=32, pair_bins=16, outer_bags=8)
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Effects:
    """Of N rows: the probability of the outcome under each arm [N, A], and what each arm gains over the control [N, A].

    A gain counts what is wanted: less churn where the outcome is to be lowered.
    """

    probabilities: Floats
    gains: Floats


def over_control(values: Floats, sign: int) -> Floats:
    """What each arm [N, A] has over the control, counted as `sign` wants it: -1 for less, 1 for more."""
    return np.asarray(sign * (values - values[:, :1]))


def fit_effects(
    experiment: Experiment, rows: NDArray[np.intp], *, seed: int, effort: Effort = EFFORT
) -> ExplainableBoostingClassifier:
    """Fit the outcome of these rows on features, arm, and each feature together with the arm.

    Rows are weighted by 1 ÷ the propensity of the arm they were given, times that arm's share, so that each arm speaks
    for all rows whatever decided who was given it (Horvitz & Thompson, 1952; stabilised as in Robins et al., 2000).
    """
    arm = len(experiment.features) - 1
    pairs = [(feature, arm) for feature in range(arm)]
    given = experiment.propensities[rows, experiment.arm[rows]]
    shares = np.bincount(experiment.arm[rows], minlength=len(experiment.arms)) / len(rows)
    weights = shares[experiment.arm[rows]] / given
    return fit(
        experiment.matrix[rows],
        experiment.outcomes[rows],
        experiment.features,
        seed=seed,
        effort=effort,
        pairs=pairs,
        weights=None if np.ptp(weights) < 1e-6 else weights,  # noqa: PLR2004  # all alike
    )


def predict(ebm: ExplainableBoostingClassifier, experiment: Experiment, rows: NDArray[np.intp], sign: int) -> Effects:
    """Predict these rows under every arm; `sign` is -1 to lower the outcome, 1 to raise it."""
    under = [ebm.predict_proba(experiment.under(arm, rows))[:, 1] for arm in range(len(experiment.arms))]
    probabilities = np.column_stack(under)
    return Effects(probabilities, over_control(probabilities, sign))


def cross_fit(
    experiment: Experiment,
    *,
    sign: int,
    seed: int,
    folds: int = FOLDS,
    effort: Effort = EFFORT,
    progress: Callable[[float], object] = lambda _: None,
) -> tuple[Effects, NDArray[np.intp]]:
    """Predict every row by a model that never saw it, nor anybody who belongs to it; return each row's fold too."""
    fold = folds_of(experiment, folds, seed)
    lighter = replace(effort, outer_bags=max(effort.outer_bags // 2, 1))
    probabilities = np.empty(experiment.propensities.shape)
    for number in range(folds):
        inside, outside = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        ebm = fit_effects(experiment, inside, seed=seed, effort=lighter)
        probabilities[outside] = predict(ebm, experiment, outside, sign).probabilities
        progress((number + 1) / folds)
    return Effects(probabilities, over_control(probabilities, sign)), fold


def folds_of(experiment: Experiment, count: int, seed: int) -> NDArray[np.intp]:
    """Deal the rows into folds, alike in arms and outcomes; the rows of one key stay together."""
    strata = experiment.arm * 2 + experiment.outcomes
    dealt = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    fold = np.empty(len(strata), np.intp)
    for number, (_, rows) in enumerate(dealt.split(strata, strata, experiment.keys)):
        fold[rows] = number
    return fold
