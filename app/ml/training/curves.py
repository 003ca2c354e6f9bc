"""The points of the report's curves."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from app.ml.training.measures import REACH

Points: TypeAlias = list[tuple[float, float]]

LARGEST = 200
SHARES = np.linspace(0, 1, 101)
BINS = 10


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Mean probability and observed rate of a tenth of the rows, with the rate's 95 % Wilson interval."""

    predicted: float
    observed: float
    low: float
    high: float
    rows: int


@dataclass(frozen=True, slots=True)
class Curves:
    """`roc`, `gain` and `lift` hold the points of each family; `calibration` is of the served one."""

    roc: dict[str, Points]
    calibration: list[CalibrationBin]
    gain: dict[str, Points]
    lift: dict[str, Points]


def curves(
    labels: NDArray[np.bool_], probabilities: Mapping[str, NDArray[np.float64]], *, served: str = "ebm"
) -> Curves:
    """Draw the probabilities [N] of each family against labels [N] that hold both classes."""
    gains = {family: gain(labels, scores) for family, scores in probabilities.items()}
    return Curves(
        roc={family: roc(labels, scores) for family, scores in probabilities.items()},
        calibration=reliability(labels, probabilities[served]),
        gain=gains,
        lift={family: [(x, y / x) for x, y in points if x > 0] for family, points in gains.items()},
    )


def roc(labels: NDArray[np.bool_], scores: NDArray[np.float64]) -> Points:
    """Return (share of stayers caught, share of leavers caught) at up to 200 thresholds, from none to all."""
    leavers, stayers = _caught(labels, scores)
    kept = np.unique(np.linspace(0, len(leavers) - 1, LARGEST).astype(np.intp))
    return _points(stayers[kept] / stayers[-1], leavers[kept] / leavers[-1])


def gain(labels: NDArray[np.bool_], scores: NDArray[np.float64]) -> Points:
    """Return (share of subscribers contacted, share of the leavers among them) at every hundredth."""
    leavers, stayers = _caught(labels, scores)
    return _points(SHARES, np.interp(SHARES * len(labels), leavers + stayers, leavers) / leavers[-1])


def reliability(labels: NDArray[np.bool_], probabilities: NDArray[np.float64]) -> list[CalibrationBin]:
    """Return ten bins with as many rows each (fewer bins than ten only for fewer rows), lowest probability first."""
    order = np.argsort(probabilities, kind="stable")
    return [_bin(labels[rows], probabilities[rows]) for rows in np.array_split(order, min(BINS, len(order)))]


def wilson(positives: int, rows: int) -> tuple[float, float]:
    """Return the 95 % interval of a rate (Wilson, Journal of the American Statistical Association 22, 1927)."""
    rate, z = positives / rows, REACH
    middle = (rate + z**2 / (2 * rows)) / (1 + z**2 / rows)
    side = z / (1 + z**2 / rows) * float(np.sqrt(rate * (1 - rate) / rows + z**2 / (4 * rows**2)))
    return max(0.0, middle - side), min(1.0, middle + side)


def _bin(labels: NDArray[np.bool_], probabilities: NDArray[np.float64]) -> CalibrationBin:
    low, high = wilson(int(labels.sum()), len(labels))
    return CalibrationBin(float(probabilities.mean()), float(labels.mean()), low, high, len(labels))


def _caught(labels: NDArray[np.bool_], scores: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how many leavers and stayers reach each distinct score, best first, after none."""
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.diff(-scores[order], append=np.inf)) + 1
    leavers = np.concatenate([[0], np.cumsum(labels[order])])[[0, *ends]].astype(np.float64)
    return leavers, np.concatenate([[0], ends]) - leavers


def _points(x: NDArray[np.float64], y: NDArray[np.float64]) -> Points:
    return list(zip(x.tolist(), y.tolist(), strict=True))
