"""How far recent rows have moved away from those a model was made on: the population stability index."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import log
from typing import Final

# The levels everybody uses: Siddiqi, Credit Risk Scorecards (2006). They are conventions, not tests.
MODERATE: Final = 0.10
MAJOR: Final = 0.25
# Where chance alone is expected to give half of what would be called moderate, a level would say nothing.
MOST_NOISE: Final = MODERATE / 2
LEAST_ROWS: Final = 200
EMPTY: Final = 0.5


class Level(StrEnum):
    STABLE = "stable"
    MODERATE = "moderate"
    MAJOR = "major"
    NOT_ENOUGH_DATA = "not_enough_data"


@dataclass(frozen=True, slots=True)
class Shift:
    """One distribution's drift; `noise` is the index to expect if nothing had moved. Both are None without rows."""

    psi: float | None
    noise: float | None
    level: Level


def shift(reference: Sequence[int], recent: Sequence[int]) -> Shift:
    """Compare the rows that fell into each bin, and say what to make of it."""
    if not sum(recent):
        return Shift(None, None, Level.NOT_ENOUGH_DATA)
    index, noise = psi(reference, recent), expected_noise(reference, recent)
    enough = sum(recent) >= LEAST_ROWS and noise <= MOST_NOISE
    return Shift(index, noise, level_of(index) if enough else Level.NOT_ENOUGH_DATA)


def psi(reference: Sequence[int], recent: Sequence[int]) -> float:
    """Return Σ (q − p) ln(q ÷ p) over the bins, p and q being their shares of the reference and of the recent rows.

    It is 0 for equal shares and has no upper bound. A bin that one side alone leaves empty counts as half a row there:
    else the first row of a new kind would make the index infinite. One that both leave empty says nothing.
    """
    of_reference, of_recent = sum(reference), sum(recent)
    index = 0.0
    for expected, found in zip(reference, recent, strict=True):
        if expected or found:
            p, q = (expected or EMPTY) / of_reference, (found or EMPTY) / of_recent
            index += (q - p) * log(q / p)
    return index


def expected_noise(reference: Sequence[int], recent: Sequence[int]) -> float:
    """Return the mean of the index where both come from one distribution: (bins − 1)(1/n + 1/m).

    The index over 1/n + 1/m is then about χ² with bins − 1 degrees of freedom (Yurdakul & Naranjo, Journal of Risk
    Model Validation 14, 2020). Bins that both leave empty are not counted.
    """
    occupied = sum(1 for expected, found in zip(reference, recent, strict=True) if expected or found)
    return (occupied - 1) * (1 / sum(reference) + 1 / sum(recent))


def level_of(index: float) -> Level:
    """Name the level of an index; a limit belongs to the level that it opens."""
    if index >= MAJOR:
        return Level.MAJOR
    return Level.MODERATE if index >= MODERATE else Level.STABLE
