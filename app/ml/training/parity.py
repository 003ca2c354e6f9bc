"""The gate: a graph leaves training only if it computes what the fitted model computes, also where that is hardest."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import onnxruntime
from interpret.glassbox import ExplainableBoostingClassifier
from numpy.typing import NDArray

from app.domain.features import LARGEST_FLOAT32, Feature, FeatureType
from app.errors import AppError
from app.ml.features import first_code
from app.ml.scorer import run
from app.ml.training.export import intercept_of, thresholds

LEAST_ROWS = 5000
EXACT = 1e-9
ADDITIVE = 1e-6


class ParityFailed(AppError):
    """The exported graph does not compute what the model computes."""


class Parity(NamedTuple):
    """The largest differences over `rows` rows: of probabilities, of contributions, and of each logit and its parts."""

    rows: int
    probability: float
    contribution: float
    additivity: float


def gate(
    session: onnxruntime.InferenceSession,
    ebm: ExplainableBoostingClassifier,
    contract: Sequence[Feature],
    matrix: NDArray[np.float32],
) -> Parity:
    """Compare the graph with its EBM over the real rows of `matrix` and over made-up ones. Raises ParityFailed."""
    parity = compare(session, ebm, probes(ebm, contract, matrix))
    # Written so that NaN fails: a comparison with NaN never holds.
    if not (parity.probability <= EXACT and parity.contribution <= EXACT and parity.additivity <= ADDITIVE):
        raise ParityFailed(
            f"Over {parity.rows} rows the graph differs from its model by up to {parity.probability:.1e} in "
            f"probability, {parity.contribution:.1e} in a contribution and {parity.additivity:.1e} in additivity."
        )
    return parity


def compare(
    session: onnxruntime.InferenceSession, ebm: ExplainableBoostingClassifier, rows: NDArray[np.float32]
) -> Parity:
    """Measure the largest differences between the graph and its EBM."""
    scores = run(session, rows)
    parts = intercept_of(ebm) + scores.contributions.sum(axis=1)
    return Parity(
        len(rows),
        float(np.abs(scores.probability - ebm.predict_proba(rows)[:, 1]).max()),
        float(np.abs(scores.contributions - ebm.eval_terms(rows)).max()),
        float(np.abs(scores.logit - parts).max()),
    )


def probes(
    ebm: ExplainableBoostingClassifier, contract: Sequence[Feature], matrix: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return at least 5,000 real rows (repeated if there are fewer) and as many made-up ones.

    In the made-up rows every column takes each of its special values at least once, in random company: missing, each
    level and one unseen, each cut point with both its float32 neighbours, and the ends of the range of float32.
    """
    random = np.random.default_rng(0)
    pools = [_pool(feature, ebm.bins_[index]) for index, feature in enumerate(contract)]
    count = max(LEAST_ROWS, *(len(pool) for pool in pools))
    made_up = np.column_stack([random.permutation(np.resize(pool, count)) for pool in pools])
    real = matrix if len(matrix) >= LEAST_ROWS else np.resize(matrix, (LEAST_ROWS, matrix.shape[1]))
    nothing_known = np.full((1, len(contract)), np.nan, np.float32)
    return np.concatenate([real, made_up, nothing_known])


def _pool(feature: Feature, levels: Sequence[NDArray[np.float64]]) -> NDArray[np.float32]:
    if feature.type is not FeatureType.NUMBER:
        first = first_code(feature)
        seen = 2 if feature.type is FeatureType.BOOLEAN else len(feature.levels)
        return np.array([np.nan, *range(first, first + seen + 1)], np.float32)
    cuts = thresholds(np.concatenate(levels))
    below, above = (np.nextafter(cuts, np.float32(end)) for end in (-np.inf, np.inf))
    ends = np.array([np.nan, 0, LARGEST_FLOAT32, -LARGEST_FLOAT32], np.float32)
    return np.concatenate([ends, below, cuts, above])
