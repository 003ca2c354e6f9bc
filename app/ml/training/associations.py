"""How closely two features go together: one matrix for numbers, categories and both."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from app.domain.features import Feature, FeatureType

MOST_ROWS = 20_000
LEAST_ROWS = 30  # of a pair known together; fewer go together by chance
RARE = 0.005  # of the rows; rarer levels count as one, so that a table of two features stays small
LEAST_OF_A_LEVEL = 20
NO_SPREAD = 1e-6  # what cancellation leaves of a sum of squares that is zero

Codes = NDArray[np.int64]
Numbers = NDArray[np.float64]


def associate(matrix: NDArray[np.float32], features: Sequence[Feature], *, seed: int) -> Numbers:
    """Return the associations [features, features] of encoded rows [N, features], from at most 20,000 of them.

    Two numbers: Spearman's rank correlation, -1..1. Two categories (a boolean is one): Cramér's V, 0..1, corrected for
    bias (Bergsma, Journal of the Korean Statistical Society 42, 2013). One of each: the correlation ratio of the
    number's ranks, 0..1, corrected likewise (Kelley, PNAS 21, 1935). So every measure looks at order, not at outliers.

    A pair is compared on the rows where both are known: that two features are blank together is no association. Fewer
    than 30 such rows, or only one value in them, give 0.
    """
    matrix = matrix[sample(len(matrix), seed)]
    numeric = np.array([feature.type is FeatureType.NUMBER for feature in features], bool)
    numbers, categories = np.flatnonzero(numeric), np.flatnonzero(~numeric)
    ranks, known = _standard_ranks(matrix[:, numbers])
    codes = [pooled_levels(matrix[:, index]) for index in categories]
    values = np.eye(len(features))
    values[np.ix_(numbers, numbers)] = _spearman(ranks, known)
    for place, (index, one) in enumerate(zip(categories, codes, strict=True)):
        values[index, numbers] = values[numbers, index] = _correlation_ratios(one, ranks, known)
        for other, two in zip(categories[:place], codes[:place], strict=True):
            values[index, other] = values[other, index] = _cramers_v(one, two)
    np.fill_diagonal(values, 1)
    return values


def sample(rows: int, seed: int) -> Codes:
    """Return the rows to look at where looking at all of them costs too much: 20,000 at most, in their order."""
    if rows <= MOST_ROWS:
        return np.arange(rows)
    return np.sort(np.random.default_rng(seed).choice(rows, MOST_ROWS, replace=False))


def pooled_levels(column: NDArray[np.float32]) -> Codes:
    """Number the levels of a category or boolean [N] from 1, with the rare ones as one level; 0 is missing."""
    known = ~np.isnan(column)
    levels, codes, counts = np.unique(column[known], return_inverse=True, return_counts=True)
    common = counts >= max(LEAST_OF_A_LEVEL, RARE * len(column))
    numbers = np.where(common, np.cumsum(common), common.sum() + 1)
    pooled = np.zeros(len(column), np.int64)
    pooled[known] = numbers[codes] if len(levels) else 0
    return pooled


def _standard_ranks(columns: NDArray[np.float32]) -> tuple[Numbers, Numbers]:
    """Return each column's ranks with mean 0 and deviation 1, 0 where missing, and 1 or 0 for known or not."""
    known = ~np.isnan(columns)
    ranks = np.zeros(columns.shape)
    for index, here in enumerate(known.T):
        own = rankdata(columns[here, index])
        ranks[here, index] = (own - own.mean()) / (own.std() or 1) if len(own) else 0
    return ranks, known.astype(np.float64)


def _spearman(ranks: Numbers, known: Numbers) -> Numbers:
    """Correlate all pairs at once. A column is ranked once, among its own known rows, not anew for every pair."""
    rows = known.T @ known
    with np.errstate(divide="ignore", invalid="ignore"):
        sums = ranks.T @ known  # [i, j]: of column i over the rows where j is known too
        spread = (ranks**2).T @ known - sums**2 / rows
        shared = ranks.T @ ranks - sums * sums.T / rows
        correlation = shared / np.sqrt(spread * spread.T)
    return np.clip(np.where(_enough(rows, spread, spread.T), correlation, 0), -1, 1)


def _correlation_ratios(codes: Codes, ranks: Numbers, known: Numbers) -> Numbers:
    """Return the correlation ratio of one category [N] with each number's ranks [N, numbers]."""
    groups: Numbers = (codes[:, None] == np.arange(1, codes.max(initial=0) + 1)).astype(np.float64)
    counts, sums = groups.T @ known, groups.T @ ranks
    rows = counts.sum(axis=0)
    filled = (counts > 0).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        total = sums.sum(axis=0) ** 2 / rows
        spread = (codes > 0) @ ranks**2 - total
        between = np.divide(sums**2, counts, out=np.zeros_like(sums), where=counts > 0).sum(axis=0) - total
        squared = 1 - (1 - between / spread) * (rows - 1) / (rows - filled)
    return np.asarray(np.sqrt(np.clip(np.where(_enough(rows, spread, filled - 1), squared, 0), 0, 1)))


def _cramers_v(one: Codes, two: Codes) -> float:
    width = two.max(initial=0) + 1
    table = np.bincount(one * width + two, minlength=(one.max(initial=0) + 1) * width).reshape(-1, width)[1:, 1:]
    table = table[table.any(axis=1)][:, table.any(axis=0)]
    rows = table.sum()
    if rows < LEAST_ROWS or min(table.shape) < 2:  # noqa: PLR2004  # one level goes with nothing
        return 0.0
    chi_square = rows * ((table**2 / np.outer(table.sum(axis=1), table.sum(axis=0))).sum() - 1)
    freedom = np.array(table.shape) - 1
    squared = max(0.0, chi_square / rows - freedom.prod() / (rows - 1))
    return float(np.sqrt(min(1.0, squared / (freedom - freedom**2 / (rows - 1)).min())))


def _enough(rows: Numbers, *spreads: Numbers) -> NDArray[np.bool_]:
    """Say which pairs have the rows, and the variety in them, to be compared."""
    compared = rows >= LEAST_ROWS
    for spread in spreads:
        compared &= spread > NO_SPREAD
    return compared
