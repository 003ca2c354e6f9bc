"""Scoring: encoded rows in, probabilities with their exact explanation out."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from app.ml.bundle import Bundle
from app.ml.session import CONTRIBUTIONS, INPUT, OUTPUTS

CHUNK = (
    4096  # rows a run: enough to hide the cost of a call, few enough for their intermediate results to stay in cache
)


class Scores(NamedTuple):
    """Of N rows: probability [N] in 0..1, logit [N] and contributions [N, terms] in log-odds; all float64."""

    probability: NDArray[np.float64]
    logit: NDArray[np.float64]
    contributions: NDArray[np.float64]


def score(bundle: Bundle, matrix: NDArray[np.float32]) -> Scores:
    """Score encoded rows [N, features], N >= 0. Row by row, intercept + the sum of the contributions = logit.

    A row is scored to the same bits in whatever company: the graph's own sum depends on a row's place among others, by
    the last bit, while its contributions do not. That both agree was seen when the bundle was loaded.
    """
    [contributions] = _in_chunks(bundle.session, CONTRIBUTIONS, matrix)
    logit = bundle.manifest.intercept + contributions.sum(axis=1)
    small = np.exp(-np.abs(logit))
    return Scores(np.where(logit >= 0, 1.0, small) / (1 + small), logit, contributions)


def run(session: onnxruntime.InferenceSession, matrix: NDArray[np.float32]) -> Scores:
    """Run a graph over [N, features], as it says itself."""
    return Scores(*_in_chunks(session, OUTPUTS, matrix))


def _in_chunks(
    session: onnxruntime.InferenceSession, outputs: Sequence[str], matrix: NDArray[np.float32]
) -> list[NDArray[np.float64]]:
    """Return these outputs for all rows, worked out a few thousand rows at a time."""
    if len(matrix) <= CHUNK:
        found: list[NDArray[np.float64]] = session.run(outputs, {INPUT: matrix})
        return found
    chunks = [session.run(outputs, {INPUT: matrix[at : at + CHUNK]}) for at in range(0, len(matrix), CHUNK)]
    return [np.concatenate(column) for column in zip(*chunks, strict=True)]
