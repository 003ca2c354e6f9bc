"""Exporting a fitted EBM as one ONNX graph that computes exactly what the EBM does, contributions included.

An EBM is a sum of look-ups: each term has a table of scores, indexed by the bin of its one or two features. So the
graph is one tree ensemble that turns a row into the index of every term's score, and one look-up:

    features [N, F] → TreeEnsembleRegressor → indexes [N, T] → Gather → contributions [N, T]
                    → ReduceSum + intercept → logit [N] → Sigmoid → probability [N]

Each feature is one tree, whose leaves are the feature's segments: the pieces between two neighbouring cuts of any of
the terms it is in. A leaf adds the feature's share of the index to every such term: its bin, times the table's width if
it is the first of a pair. The base value of a term is where its table starts. The trees compute in float32, in which
whole numbers below 2^24 are exact; the scores stay float64.
"""

from collections.abc import Sequence

import numpy as np
import onnx
from interpret.glassbox import ExplainableBoostingClassifier
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from app.domain.features import Feature, FeatureType
from app.ml.features import first_code
from app.ml.training.trees import Leaf, Trees

LARGEST_TABLE = 2**24
OPSETS = (("", 18), ("ai.onnx.ml", 3))
IR_VERSION = 9


def terms_of(ebm: ExplainableBoostingClassifier) -> list[list[int]]:
    """Return the feature indexes of each term, in the order of the contributions."""
    return [[int(index) for index in term] for term in ebm.term_features_]


def intercept_of(ebm: ExplainableBoostingClassifier) -> float:
    """Return the baseline logit: that of a row whose terms all contribute nothing."""
    return float(np.asarray(ebm.intercept_).ravel()[0])


def export(ebm: ExplainableBoostingClassifier, contract: Sequence[Feature]) -> bytes:
    """Return the graph of a fitted EBM; the same EBM gives the same bytes.

    Raises ValueError if its score tables are too large to be indexed exactly.
    """
    tables = [np.asarray(scores, np.float64) for scores in ebm.term_scores_]
    starts = np.concatenate([[0], np.cumsum([table.size for table in tables])])
    if starts[-1] >= LARGEST_TABLE:
        raise ValueError("the model's score tables are too large to be indexed exactly")
    trees = _trees(ebm, contract, tables)
    graph = helper.make_graph(
        [
            trees.node("features", "indexes", base=starts[:-1].tolist()),
            helper.make_node("Cast", ["indexes"], ["positions"], to=TensorProto.INT32),
            helper.make_node("Gather", ["scores", "positions"], ["contributions"]),
            helper.make_node("ReduceSum", ["contributions", "terms_axis"], ["total"], keepdims=0),
            helper.make_node("Add", ["total", "intercept"], ["logit"]),
            helper.make_node("Sigmoid", ["logit"], ["probability"]),
        ],
        "churn",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", len(contract)])],
        [
            helper.make_tensor_value_info("probability", TensorProto.DOUBLE, ["N"]),
            helper.make_tensor_value_info("logit", TensorProto.DOUBLE, ["N"]),
            helper.make_tensor_value_info("contributions", TensorProto.DOUBLE, ["N", len(tables)]),
        ],
        [
            numpy_helper.from_array(np.concatenate([table.ravel() for table in tables]), "scores"),
            numpy_helper.from_array(np.array([1], np.int64), "terms_axis"),
            numpy_helper.from_array(np.array(intercept_of(ebm), np.float64), "intercept"),
        ],
    )
    model = helper.make_model(graph, producer_name="stayline", opset_imports=[helper.make_opsetid(*o) for o in OPSETS])
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


def thresholds(cuts: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the smallest float32 >= each cut: for a float32 x, x < threshold exactly where x < cut."""
    near = cuts.astype(np.float32)
    return np.where(near < cuts, np.nextafter(near, np.float32(np.inf)), near)


def _trees(
    ebm: ExplainableBoostingClassifier, contract: Sequence[Feature], tables: Sequence[NDArray[np.float64]]
) -> Trees:
    trees = Trees(targets=len(tables))
    for index, feature in enumerate(contract):
        levels = ebm.bins_[index]
        starts = _segments(feature, levels)
        leaves: list[Leaf] = [[] for _ in range(len(starts) + 1)]
        for target, term in enumerate(ebm.term_features_):
            if index in term:
                # A pair may have coarser bins than the feature's own term: the library keeps them as a second level.
                bins = _bins(feature, levels[min(len(levels), len(term)) - 1], starts)
                stride = tables[target].shape[1] if len(term) > 1 and term[0] == index else 1
                for leaf, position in zip(leaves, [0, *bins], strict=True):
                    leaf.append((target, position * stride))
        trees.add(index, starts, leaves)
    return trees


def _segments(feature: Feature, levels: Sequence[NDArray[np.float64] | dict[str, int]]) -> list[float]:
    """Return where each segment of present values starts; the first starts at minus infinity."""
    if feature.type is FeatureType.NUMBER:
        cuts = np.unique(np.concatenate([thresholds(np.asarray(level)) for level in levels]))
        return [-np.inf, *cuts.tolist()]
    codes = 2 if feature.type is FeatureType.BOOLEAN else len(feature.levels)
    return [-np.inf, *(first_code(feature) + code + 0.5 for code in range(codes))]


def _bins(feature: Feature, level: NDArray[np.float64] | dict[str, int], starts: Sequence[float]) -> list[int]:
    """Return the bin of each segment in one of the library's binnings: 0 is missing, the last is unknown."""
    if not isinstance(level, dict):
        cuts = thresholds(np.asarray(level))
        return [int(place) + 1 for place in np.searchsorted(cuts, np.array(starts, np.float32), side="right")]
    unknown = max(level.values(), default=0) + 1
    return [level.get(str(first_code(feature) + segment), unknown) for segment in range(len(starts))]
