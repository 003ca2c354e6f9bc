"""Platt's recalibration (Advances in Large Margin Classifiers, 1999): the logit becomes slope · logit + intercept.

Affine, so it only rescales the terms of an additive model, which stays its own explanation. It is applied only if it
helps beyond chance, on rows to which neither the model nor the two numbers were fitted.
"""

from dataclasses import dataclass

import numpy as np
from interpret.glassbox import ExplainableBoostingClassifier
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from app.ml.training.folds import Keys, folds
from app.ml.training.measures import mean_and_error, row_losses

ERRORS = 2.0  # the gain must exceed this many of its standard errors
AS_IT_IS = np.array([1.0, 0.0])
CLOSE = 1e-9


@dataclass(frozen=True, slots=True)
class Calibration:
    """`gain` is how much the log-loss of a row falls, out of fold, and `gain_error` its standard error."""

    slope: float
    intercept: float
    applied: bool
    gain: float
    gain_error: float


def calibrate(logits: NDArray[np.float64], labels: NDArray[np.bool_], keys: Keys, *, seed: int) -> Calibration:
    """Fit and judge the recalibration of out-of-fold logits [N]; `keys` [N] says which rows belong together.

    Raises TooFewToSplit.
    """
    gains = np.zeros(len(labels))
    for train, test in folds(labels, keys, seed=seed).splits:
        slope, intercept = platt(logits[train], labels[train])
        before, after = (expit(each[test]) for each in (logits, slope * logits + intercept))
        gains[test] = row_losses(labels[test], before) - row_losses(labels[test], after)
    gain, error = mean_and_error(gains, keys)
    slope, intercept = platt(logits, labels)
    return Calibration(slope, intercept, slope > 0 and gain > ERRORS * error, gain, error)


def platt(logits: NDArray[np.float64], labels: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the slope and intercept of least log-loss.

    A penalty that weighs as much as one row pulls them to 1 and 0: logits that separate the labels would otherwise have
    no best slope.
    """
    design = np.column_stack([logits, np.ones(len(logits))])

    def loss(at: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        fitted, away = design @ at, at - AS_IT_IS
        total = np.logaddexp(0, np.where(labels, -fitted, fitted)).sum() + away @ away / 2
        return float(total) / len(labels), (design.T @ (expit(fitted) - labels) + away) / len(labels)

    slope, intercept = minimize(loss, AS_IT_IS, jac=True, method="BFGS", options={"gtol": CLOSE}).x.tolist()
    return slope, intercept


def apply(ebm: ExplainableBoostingClassifier, slope: float, intercept: float) -> None:
    """Fold the recalibration into the model's own score tables and intercept, in place."""
    for term in range(len(ebm.term_features_)):
        ebm.scale(term, slope)
    ebm.intercept_ = ebm.intercept_ * slope + intercept
    ebm.bagged_intercept_ = ebm.bagged_intercept_ * slope + intercept
