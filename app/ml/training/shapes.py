"""Each term of an EBM as data that can be drawn: the model itself, and not an approximation of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from interpret.glassbox import ExplainableBoostingClassifier

from app.domain.features import Feature, FeatureType
from app.ml.features import first_code


@dataclass(frozen=True, slots=True)
class Grid:
    """The labels of a pair's bins: `x` of its first feature, `y` of its second."""

    x: list[str]
    y: list[str]


@dataclass(frozen=True, slots=True)
class Shape:
    """One term: what each bin adds to the logit, how many training rows it had, and the mean |contribution| of them.

    A number has one more edge than scores, from the least to the largest value seen. A category has a level for each
    score. `missing` is the score of a missing value, None if training had none. A pair has scores [x][y].
    """

    features: list[str]
    kind: Literal["number", "category", "pair"]
    importance: float
    edges: list[float] | None
    levels: list[str] | None
    scores: list[float] | list[list[float]]
    missing: float | None
    rows: list[int] | list[list[int]]
    grid: Grid | None


def shapes(ebm: ExplainableBoostingClassifier, features: Sequence[Feature]) -> list[Shape]:
    """Return the shapes of an EBM fitted to these features, the most important first."""
    found = [_shape(ebm, features, term) for term in range(len(ebm.term_features_))]
    return sorted(found, key=lambda shape: (-shape.importance, shape.features))


def _shape(ebm: ExplainableBoostingClassifier, features: Sequence[Feature], term: int) -> Shape:
    members = [int(index) for index in ebm.term_features_[term]]
    scores, weights = np.asarray(ebm.term_scores_[term]), np.asarray(ebm.bin_weights_[term])
    importance = float(np.average(np.abs(scores), weights=weights))
    axes = [_Axis(ebm, features[index], index, depth=len(members)) for index in members]
    shown = np.ix_(*(axis.bins for axis in axes))
    names, rows = [features[index].name for index in members], weights[shown].astype(int).tolist()
    if len(axes) > 1:
        grid = Grid(axes[0].labels(), axes[1].labels())
        return Shape(names, "pair", importance, None, None, scores[shown].tolist(), None, rows, grid)
    missing = float(scores[0]) if weights[0] > 0 else None
    kind: Literal["number", "category"] = "number" if axes[0].levels is None else "category"
    return Shape(names, kind, importance, axes[0].edges, axes[0].levels, scores[shown].tolist(), missing, rows, None)


class _Axis:
    """The bins of one feature in one term that hold present values, with their edges or levels."""

    def __init__(self, ebm: ExplainableBoostingClassifier, feature: Feature, index: int, depth: int) -> None:
        # A pair may have coarser bins than the feature's own term: the library keeps them as a second level.
        binning = ebm.bins_[index][min(len(ebm.bins_[index]), depth) - 1]
        self.levels: list[str] | None = None
        self.edges: list[float] | None = None
        if feature.type is FeatureType.NUMBER:
            least, most = np.asarray(ebm.feature_bounds_[index], np.float64).tolist()
            self.edges = [least, *np.asarray(binning, np.float64).tolist(), most]
            self.bins = np.arange(1, len(self.edges))
        else:
            names = ("false", "true") if feature.type is FeatureType.BOOLEAN else feature.levels
            places = [(binning.get(str(code)), name) for code, name in enumerate(names, first_code(feature))]
            self.levels = [name for place, name in places if place is not None]
            self.bins = np.array([place for place, _ in places if place is not None], np.intp)

    def labels(self) -> list[str]:
        if self.levels is not None:
            return self.levels
        return [f"{low:g} to {high:g}" for low, high in pairwise(self.edges or [])]
