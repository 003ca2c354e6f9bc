"""Why this score: one signed, ranked reason a feature, adding up to the logit."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.domain.features import FeatureValue
from app.domain.scores import Band, Effect
from app.ml.bundle import Bundle
from app.ml.manifest import Bands

FEW: Final = 8


class Driver(NamedTuple):
    """One feature's part in a score; `contribution` is in log-odds of churn."""

    feature: str
    value: FeatureValue
    contribution: float
    effect: Effect


def drivers(
    bundle: Bundle, values: Mapping[str, FeatureValue], contributions: NDArray[np.float64], limit: int
) -> tuple[list[Driver], float]:
    """Return the `limit` strongest drivers of one row, strongest first, and the sum of all the others.

    `contributions` are the row's [terms]. Equal strengths keep the order of the model's input.
    Baseline + the drivers' contributions + that sum = the row's logit.
    """
    shares = (contributions @ bundle.fold).tolist()
    strengths = [abs(share) for share in shares]
    ranked = sorted(
        range(len(shares)), key=strengths.__getitem__, reverse=True
    )  # reversed, yet equals keep their order
    features = bundle.contract.features
    named = [
        Driver(name := features[index].name, values.get(name), shares[index], effect_of(shares[index]))
        for index in ranked[:limit]
    ]
    return named, sum([shares[index] for index in ranked[limit:]])


def strongest(
    bundle: Bundle, contributions: NDArray[np.float64], limit: int
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return which features [N, limit] are each row's strongest drivers, as `drivers` ranks them, and their shares."""
    shares = contributions @ bundle.fold
    strengths = np.abs(shares)
    ranked = _few_peaks(strengths, limit) if limit <= FEW else np.argsort(-strengths, axis=1, kind="stable")[:, :limit]
    return ranked, np.take_along_axis(shares, ranked, axis=1)


def _few_peaks(strengths: NDArray[np.float64], limit: int) -> NDArray[np.intp]:
    """Rank by looking for one greatest after the other: for a few, that takes half as long as to sort them all."""
    rows = np.arange(len(strengths))
    ranked = np.empty((len(strengths), min(limit, strengths.shape[1])), np.intp)
    for place in range(ranked.shape[1]):
        ranked[:, place] = greatest = strengths.argmax(axis=1)  # of equals the first
        strengths[rows, greatest] = -1
    return ranked


def band(bands: Bands, probability: float) -> Band:
    """Return the risk band of a probability; a threshold belongs to the band that it opens."""
    if probability >= bands.critical:
        return Band.CRITICAL
    if probability >= bands.high:
        return Band.HIGH
    return Band.MEDIUM if probability >= bands.medium else Band.LOW


def effect_of(contribution: float) -> Effect:
    """Say what a contribution does to the risk."""
    if contribution == 0:
        return Effect.NONE
    return Effect.RAISES if contribution > 0 else Effect.LOWERS
