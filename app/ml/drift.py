"""Which bins drift is measured in: laid when a model is made, and filled again by the rows it scores."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from app.domain.features import Feature, FeatureType
from app.ml.features import first_code
from app.ml.manifest import MOST_CUTS, Distribution, Reference

MISSING = 0  # the bin of cells without a value
SHARES = 10  # bins of about equal shares: as many as the index is commonly read with


def reference_of(
    features: Sequence[Feature], matrix: NDArray[np.float32], probability: NDArray[np.float64]
) -> Reference:
    """Describe the rows a model was made on: `matrix` [rows, features] encoded, and probabilities of rows not fitted.

    The two need not be of the same rows: probabilities of rows that were fitted would be more extreme than any to come.
    """
    columns = [_distribution(_cuts(feature, cells), cells) for feature, cells in zip(features, matrix.T, strict=True)]
    scores = probability.astype(np.float32)
    return Reference(features=tuple(columns), score=_distribution(_equal_shares(scores), scores))


@dataclass(frozen=True, slots=True)
class Bins:
    """The bins of all columns of one bundle side by side: its features in the order of its input, then its score.

    `cuts` are [most cuts, columns], infinite where a column has fewer; `ends` say where each column's bins end.
    """

    cuts: NDArray[np.float32]
    ends: NDArray[np.int64]

    @classmethod
    def of(cls, reference: Reference) -> "Bins":
        columns = [*reference.features, reference.score]
        cuts = zip_longest(*(column.cuts for column in columns), fillvalue=np.inf)
        ends = np.cumsum([len(column.counts) for column in columns])
        return cls(np.array([*cuts], np.float32).reshape(-1, len(columns)), ends)

    @property
    def size(self) -> int:
        return int(self.ends[-1])

    def count(self, matrix: NDArray[np.float32], probability: NDArray[np.float64]) -> NDArray[np.int64]:
        """Count encoded rows [N, features] and their probabilities [N] into all the bins [size]."""
        starts = np.concatenate([[0], self.ends[:-1]])
        places = _bins(np.column_stack([matrix, probability.astype(np.float32)]), self.cuts)
        return np.bincount((starts + places).ravel(), minlength=self.size)

    def total(self, counts: Iterable[NDArray[np.int64]]) -> NDArray[np.int64]:
        """Add up counts [size] of several days or workers; none make zeros."""
        return sum(counts, np.zeros(self.size, np.int64))

    def rows(self, counts: NDArray[np.int64]) -> int:
        """Return how many rows counts [size] are of: each is in one bin of every column, and so of the last."""
        return int(counts[self.ends[-2] :].sum())

    def split(self, counts: NDArray[np.int64]) -> tuple[list[list[int]], list[int]]:
        """Take counts [size] apart: those of each feature, and those of the score."""
        *features, score = (part.tolist() for part in np.split(counts, self.ends[:-1]))
        return features, score


def _distribution(cuts: Sequence[float], cells: NDArray[np.float32]) -> Distribution:
    counts = np.bincount(_bins(cells, cuts), minlength=len(cuts) + 2)
    return Distribution(cuts=tuple(cuts), counts=tuple(counts.tolist()))


def _bins(cells: NDArray[np.float32], cuts: Iterable[float | NDArray[np.float32]]) -> NDArray[np.int64]:
    """Return the bin of each cell; a cut is of all the cells, or holds one number a column."""
    reached = np.zeros(cells.shape, np.int64)
    for cut in cuts:  # many columns at once: a search column by column takes ten times as long
        reached += cells >= cut
    return np.where(np.isnan(cells), MISSING, 1 + reached)


def _cuts(feature: Feature, cells: NDArray[np.float32]) -> list[float]:
    if feature.type is FeatureType.NUMBER:
        return _equal_shares(cells)
    first = first_code(feature)
    if feature.type is FeatureType.BOOLEAN:
        return [first + 1.0]
    unseen = first + len(feature.levels)
    if len(feature.levels) <= MOST_CUTS:
        return [float(code) for code in range(first + 1, unseen + 1)]
    return [*_equal_shares(cells), float(unseen)]


def _equal_shares(cells: NDArray[np.float32]) -> list[float]:
    """Return the values that open a new bin: at each tenth of the rows, and at each value that is a tenth by itself.

    Deciles alone would lose a column of mostly zeros in one bin; here the zeros are one, and what is above is another.
    """
    values, rows = np.unique(cells[~np.isnan(cells)], return_counts=True)
    tenths = (np.cumsum(rows) - rows) * SHARES // rows.sum()
    is_common = rows * SHARES >= rows.sum()
    opened: list[float] = values[1:][(np.diff(tenths) > 0) | is_common[1:]].tolist()
    return opened
