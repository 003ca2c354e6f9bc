"""How good a model is on rows that it never saw."""

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from app.ml.manifest import Metrics

CALIBRATION_BINS = 10
CONFIDENCE = 0.95


def evaluate(labels: NDArray[np.bool_], probabilities: NDArray[np.float64]) -> Metrics:
    """Measure probabilities [N] against labels [N], which must hold at least two rows of each class."""
    return Metrics(
        auroc=float(roc_auc_score(labels, probabilities)),
        auroc_interval=auroc_interval(labels, probabilities),
        log_loss=float(log_loss(labels, probabilities)),
        brier=float(brier_score_loss(labels, probabilities)),
        ece=expected_calibration_error(labels, probabilities),
        rows=len(labels),
        positives=int(labels.sum()),
        base_rate=float(labels.mean()),
    )


def auroc_interval(labels: NDArray[np.bool_], scores: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 95 % confidence interval of the AUROC, cut to 0..1.

    DeLong, DeLong & Clarke-Pearson, Biometrics 44 (1988), computed from midranks as in Sun & Xu, IEEE Signal Processing
    Letters 21 (2014). It treats rows as independent: several rows of one subscriber make it too narrow.
    """
    positives, negatives = scores[labels], scores[~labels]
    ranks = rankdata(scores)
    above = (ranks[labels] - rankdata(positives)) / len(negatives)  # for each positive, the share of negatives below it
    below = 1 - (ranks[~labels] - rankdata(negatives)) / len(positives)  # for each negative, of positives above it
    error = np.sqrt(above.var(ddof=1) / len(positives) + below.var(ddof=1) / len(negatives))
    reach = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * error
    return max(0.0, float(above.mean() - reach)), min(1.0, float(above.mean() + reach))


def expected_calibration_error(labels: NDArray[np.bool_], probabilities: NDArray[np.float64]) -> float:
    """Return the mean |observed rate - mean probability| over ten bins of equal width, weighted by their rows.

    Naeini, Cooper & Hauskrecht, AAAI 2015.
    """
    bins = np.minimum((probabilities * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    gaps = np.bincount(bins, labels - probabilities, CALIBRATION_BINS)
    return float(np.abs(gaps).sum() / len(labels))
