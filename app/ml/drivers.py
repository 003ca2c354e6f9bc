"""Why this score: one signed, ranked reason a feature, adding up to the logit."""

from collections.abc import Mapping, Sequence
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


def shares(bundle: Bundle, contributions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each feature's part [N, features] in the contributions [N, terms], the same bits in whatever company."""
    terms, weights = bundle.parts
    found: NDArray[np.float64] = contributions[:, terms[0]] * weights[0]
    for part in range(1, len(terms)):
        found += contributions[:, terms[part]] * weights[part]
    return found


def drivers(
    bundle: Bundle,
    rows: Sequence[Mapping[str, FeatureValue]],
    contributions: NDArray[np.float64],
    limits: Sequence[int],
) -> list[tuple[list[Driver], float]]:
    """Return of each row the strongest drivers, up to its limit, strongest first, and the sum of all the others.

    `contributions` are the rows' [N, terms]. Equal strengths keep the order of the model's input.
    Baseline + the drivers' contributions + that sum = the row's logit.
    """
    ranked, parts = _ranked(bundle, contributions, max(limits))
    names = [feature.name for feature in bundle.contract.features]
    totals = contributions.sum(axis=1).tolist()
    judged = zip(rows, ranked, parts, limits, totals, strict=True)
    return [
        (
            [
                Driver(name := names[place], values.get(name), part, effect_of(part))
                for place, part in zip(places[:limit], of_row[:limit], strict=True)
            ],
            total - sum(of_row[:limit]),
        )
        for values, places, of_row, limit, total in judged
    ]


def _ranked(
    bundle: Bundle, contributions: NDArray[np.float64], limit: int
) -> tuple[list[list[int]], list[list[float]]]:
    """Rank as `strongest` does; of a single row Python finds the order sooner than NumPy is called for it."""
    if len(contributions) > 1:
        ranked, parts = strongest(bundle, contributions, limit)
        return ranked.tolist(), parts.tolist()
    [mine] = shares(bundle, contributions).tolist()
    strengths = [abs(part) for part in mine]
    # Reversed, yet equals keep their order.
    places = sorted(range(len(mine)), key=strengths.__getitem__, reverse=True)[:limit]
    return [places], [[mine[place] for place in places]]


def strongest(
    bundle: Bundle, contributions: NDArray[np.float64], limit: int
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return which features [N, limit] are each row's strongest drivers, and their shares: of equals the first."""
    parts = shares(bundle, contributions)
    strengths = np.abs(parts)
    ranked = _few_peaks(strengths, limit) if limit <= FEW else np.argsort(-strengths, axis=1, kind="stable")[:, :limit]
    return ranked, np.take_along_axis(parts, ranked, axis=1)


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
