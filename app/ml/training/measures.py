"""How good probabilities are, each measure with a 95 % interval.

The intervals are the measure ± 1.96 bootstrap standard errors, cut to the measure's range. What is drawn with
replacement is the key (a subscriber, or a group with its rows), leavers and stayers apart (Efron & Tibshirani, An
Introduction to the Bootstrap, 1993). Percentiles are not used: of a resample the calibration error is too high, since
it adds noise of its own to every bin, and its percentiles can lie above the measure.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from app.ml.training.folds import Keys
from app.ml.training.profit import expected_maximum_profit

CALIBRATION_BINS = 10
TOP = 0.1
RESAMPLES = 400  # the standard error is itself known to about 1 part in √(2 · 400): 3.5 %
REACH = NormalDist().inv_cdf(0.975)
LEAST_OF_A_CLASS = 10  # in a segment
# Name, least and largest value, in the order of every array of measures below.
RANGES: Mapping[str, tuple[float, float]] = {
    "auroc": (0, 1),
    "pr_auc": (0, 1),
    "log_loss": (0, np.inf),
    "brier": (0, 1),
    "ece": (0, 1),
    "top_decile_lift": (0, 1 / TOP),
    "empc": (0, np.inf),
}


@dataclass(frozen=True, slots=True)
class Measure:
    """A value and the ends of its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class SegmentMeasures:
    """The measures of the rows that have one value of one segment; None where one class has fewer than ten of them."""

    segment: str
    value: str
    rows: int
    positives: int
    measures: dict[str, Measure] | None


class Ranking:
    """Probabilities [N] with their labels [N], sorted once, so that many resamples are measured quickly."""

    def __init__(self, labels: NDArray[np.bool_], probabilities: NDArray[np.float64]) -> None:
        self._order = np.argsort(-probabilities, kind="stable")
        self._left, scores = labels[self._order], probabilities[self._order]
        self._ends = np.flatnonzero(np.diff(scores, append=-np.inf))  # the last row of each distinct score
        self._losses = row_losses(self._left, scores)
        self._gaps = self._left - scores
        self._squares = self._gaps**2
        self._bins = np.minimum((scores * CALIBRATION_BINS).astype(np.intp), CALIBRATION_BINS - 1)

    def measure(self, counts: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """Return the measures, in the order of RANGES, of a table that has each row `counts` [N] times (once)."""
        weights = np.ones(len(self._order)) if counts is None else counts[self._order]
        caught, bothered = self._roc(weights)
        rows = caught[-1] + bothered[-1]
        bins = np.bincount(self._bins, weights * self._gaps, CALIBRATION_BINS)
        return np.array(
            [
                auroc(caught, bothered),
                average_precision(caught, bothered),
                (weights * self._losses).sum() / rows,
                (weights * self._squares).sum() / rows,
                np.abs(bins).sum() / rows,
                top_lift(caught, bothered),
                expected_maximum_profit(caught, bothered),
            ]
        )

    def _roc(self, weights: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        reached, caught = (np.cumsum(each)[self._ends] for each in (weights, weights * self._left))
        present = np.diff(reached, prepend=0) > 0
        caught, reached = (np.concatenate([[0.0], each[present]]) for each in (caught, reached))
        return caught, reached - caught


def measures(
    labels: NDArray[np.bool_], probabilities: NDArray[np.float64], keys: Keys | None = None, *, seed: int = 0
) -> dict[str, Measure]:
    """Measure probabilities [N] against labels [N], which must hold both classes.

    Rows of one key (see `keys_of`) are drawn together; without keys every row is drawn by itself.
    """
    ranking = Ranking(labels, probabilities)
    draws = [ranking.measure(counts) for counts in resamples(labels, keys, seed=seed)]
    return with_intervals(ranking.measure(), np.array(draws), RANGES)


def by_segment(
    labels: NDArray[np.bool_],
    probabilities: NDArray[np.float64],
    segments: Mapping[str, Sequence[str | None]],
    keys: Keys | None = None,
    *,
    seed: int = 0,
) -> list[SegmentMeasures]:
    """Measure every value of every segment by itself; rows without a value are in none."""
    return [
        _of_segment(segment, value, np.array([each == value for each in column]), labels, probabilities, keys, seed)
        for segment, column in segments.items()
        for value in sorted({value for value in column if value is not None})
    ]


def resamples(labels: NDArray[np.bool_], keys: Keys | None, *, seed: int) -> Iterator[NDArray[np.float64]]:
    """Yield how often each row [N] is in each resample; equal arguments yield equal resamples."""
    numbers = np.arange(len(labels)) if keys is None else np.unique(keys, return_inverse=True)[1]
    has_leaver = np.bincount(numbers, labels) > 0
    strata = [members for members in (np.flatnonzero(has_leaver), np.flatnonzero(~has_leaver)) if len(members)]
    random = np.random.default_rng(seed)
    for _ in range(RESAMPLES):
        counts = np.zeros(len(has_leaver))
        for members in strata:
            counts[members] = np.bincount(random.integers(0, len(members), len(members)), minlength=len(members))
        yield counts[numbers]


def with_intervals(
    values: NDArray[np.float64], draws: NDArray[np.float64], ranges: Mapping[str, tuple[float, float]]
) -> dict[str, Measure]:
    """Give each of the values [M] the interval that its resamples [R, M] call for, cut to its range."""
    reach = REACH * draws.std(axis=0, ddof=1)
    return {
        name: Measure(value, max(least, value - side), min(most, value + side))
        for (name, (least, most)), value, side in zip(ranges.items(), values.tolist(), reach.tolist(), strict=True)
    }


def row_losses(labels: NDArray[np.bool_], probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the log-loss [N] of each row, which stays finite where a certain probability is wrong."""
    of_what_happened = np.where(labels, probabilities, 1 - probabilities)
    return np.asarray(-np.log(np.clip(of_what_happened, np.finfo(np.float64).eps, 1)))


def mean_and_error(values: NDArray[np.float64], keys: Keys) -> tuple[float, float]:
    """Return the mean of values [N] and its standard error; the rows of one key count as one observation."""
    mean = float(values.mean())
    sums = np.bincount(np.unique(keys, return_inverse=True)[1], values - mean)
    return mean, float(np.sqrt((sums**2).sum() * len(sums) / max(1, len(sums) - 1)) / len(values))


# An ROC curve below is two arrays: how many leavers are caught and how many stayers are bothered if all are contacted
# who reach a score, for none and then for each distinct score from the best on.


def auroc(caught: NDArray[np.float64], bothered: NDArray[np.float64]) -> float:
    """Return the chance that a leaver scores above a stayer; a tie counts half."""
    return float(np.trapezoid(caught, bothered) / (caught[-1] * bothered[-1]))


def average_precision(caught: NDArray[np.float64], bothered: NDArray[np.float64]) -> float:
    """Return the mean, over the leavers, of the share of leavers among all who score as high or higher."""
    precision = caught[1:] / (caught[1:] + bothered[1:])
    return float((np.diff(caught) * precision).sum() / caught[-1])


def top_lift(caught: NDArray[np.float64], bothered: NDArray[np.float64]) -> float:
    """Return how many times more leavers the tenth with the best scores holds than a tenth drawn by lot.

    A score that the end of the tenth cuts counts with the part that is inside.
    """
    rows = caught + bothered
    return float(np.interp(TOP * rows[-1], rows, caught) / (TOP * caught[-1]))


def _of_segment(
    segment: str,
    value: str,
    rows: NDArray[np.bool_],
    labels: NDArray[np.bool_],
    probabilities: NDArray[np.float64],
    keys: Keys | None,
    seed: int,
) -> SegmentMeasures:
    count, positives = int(rows.sum()), int(labels[rows].sum())
    if min(positives, count - positives) < LEAST_OF_A_CLASS:
        return SegmentMeasures(segment, value, count, positives, None)
    found = measures(labels[rows], probabilities[rows], None if keys is None else keys[rows], seed=seed)
    return SegmentMeasures(segment, value, count, positives, found)
