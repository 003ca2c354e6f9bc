"""Boosted trees: the challenger, reported and never served, since their reasons would be approximations.

Exported all the same, as one graph of scikit-learn's own trees: features [N, F] → logit [N, 1] → probability [N, 1].
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper
from sklearn.ensemble import HistGradientBoostingClassifier

from app.domain.features import LARGEST_FLOAT32, Feature, FeatureType
from app.ml.features import first_code
from app.ml.training.capacity import choose
from app.ml.training.export import IR_VERSION, OPSETS
from app.ml.training.families import FittedEstimator, one_thread
from app.ml.training.fit import Effort
from app.ml.training.folds import Keys

# Small slow trees win on small tables, the library's own on those with many interactions, many small trees on large
# tables. No early stopping, which the library would otherwise turn on above 10,000 rows: then how long is trained would
# depend on a few rows put aside.
POINTS: Mapping[str, Mapping[str, Any]] = {
    "small": {"max_leaf_nodes": 4, "learning_rate": 0.05, "max_iter": 200},
    "default": {"max_leaf_nodes": 31, "learning_rate": 0.1, "max_iter": 100},
    "long": {"max_leaf_nodes": 4, "learning_rate": 0.1, "max_iter": 600},
}
LEAST_ROWS = 5000


@dataclass(frozen=True, slots=True)
class ChallengerParity:
    """The largest difference of probability between the exported graph and its model over `rows` probe rows."""

    rows: int
    probability: float


class BoostedTrees:
    """Histogram gradient boosting; category codes are ordered like numbers, since native categories export wrongly."""

    name = "boosted_trees"
    title = "Boosted trees"

    def fit(
        self,
        matrix: NDArray[np.float32],
        labels: NDArray[np.bool_],
        features: Sequence[Feature],  # noqa: ARG002  # a code is a number to it
        *,
        keys: Keys,
        seed: int,
        effort: Effort,
    ) -> FittedEstimator:
        def fitted(point: str, rows: NDArray[np.float32], left: NDArray[np.bool_]) -> FittedEstimator:
            settings = dict(POINTS[point])
            settings["max_iter"] = min(settings["max_iter"], effort.max_rounds)
            model = HistGradientBoostingClassifier(
                **settings, early_stopping=False, categorical_features=None, random_state=seed
            )
            # The library cannot bin a column without any value, as a fold may have; on a constant one it never splits.
            rows = np.where(np.isnan(rows).all(axis=0), np.float32(0), rows)
            with one_thread():
                return FittedEstimator(model.fit(rows, left))

        candidates = {point: lambda rows, left, _, point=point: fitted(point, rows, left) for point in POINTS}
        # The best on all rows and not the simplest: a challenger is cheap, explains nothing and should be hard to beat.
        chosen = choose(candidates, matrix, labels, keys, seed=seed, tested=1, most_rows=len(labels), errors=0).chosen
        return fitted(chosen, matrix, labels)


def export(model: HistGradientBoostingClassifier) -> bytes:
    """Return the graph of a fitted model; the same model gives the same bytes."""
    columns: dict[str, Any] = dict(_columns(model))
    columns["base_values"] = np.ravel(model._baseline_prediction).tolist()  # noqa: SLF001  # it has no public name
    trees = helper.make_node(
        "TreeEnsembleRegressor",
        ["features"],
        ["logit"],
        domain="ai.onnx.ml",
        n_targets=1,
        aggregate_function="SUM",
        **columns,
    )
    graph = helper.make_graph(
        [
            trees,
            helper.make_node("Sigmoid", ["logit"], ["probability"]),
        ],
        "challenger",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", model.n_features_in_])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 1]) for name in ("probability", "logit")],
    )
    made = helper.make_model(graph, producer_name="stayline", opset_imports=[helper.make_opsetid(*o) for o in OPSETS])
    made.ir_version = IR_VERSION
    onnx.checker.check_model(made, full_check=True)
    return bytes(made.SerializeToString(deterministic=True))


def challenger_parity(
    model: HistGradientBoostingClassifier, features: Sequence[Feature], matrix: NDArray[np.float32]
) -> ChallengerParity:
    """Compare the exported graph with its model on real rows [N, features] and on the hardest made-up ones."""
    rows = probes(model, features, matrix)
    session = onnxruntime.InferenceSession(export(model), providers=["CPUExecutionProvider"])
    expected = FittedEstimator(model).probabilities(rows)
    (probability,) = session.run(["probability"], {"features": rows})
    return ChallengerParity(len(rows), float(np.abs(probability[:, 0] - expected).max()))


def probes(
    model: HistGradientBoostingClassifier, features: Sequence[Feature], matrix: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return at least 5,000 made-up rows, and the real ones up to as many.

    In the made-up rows every column takes each of its special values, in random company: missing, each code and one
    unseen, each cut point with both its float32 neighbours, and the ends of the range of float32.
    """
    random = np.random.default_rng(0)
    nodes = np.concatenate([tree.nodes for tree in _trees(model)])
    splits = nodes[nodes["is_leaf"] == 0]
    pools = [
        _pool(feature, splits["num_threshold"][splits["feature_idx"] == at]) for at, feature in enumerate(features)
    ]
    count = max(LEAST_ROWS, *(len(pool) for pool in pools))
    return np.concatenate(
        [matrix[:LEAST_ROWS], *[np.column_stack([random.permutation(np.resize(pool, count)) for pool in pools])]]
    )


def floored(thresholds: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the largest float32 <= each threshold: for a float32 x, x <= it exactly where x <= the threshold."""
    near = thresholds.astype(np.float32)
    return np.where(near > thresholds, np.nextafter(near, np.float32(-np.inf)), near)


def _trees(model: HistGradientBoostingClassifier) -> list[Any]:
    return [tree for (tree,) in model._predictors]  # noqa: SLF001  # the library shows its trees nowhere else


def _columns(model: HistGradientBoostingClassifier) -> dict[str, list[Any]]:
    columns: defaultdict[str, list[Any]] = defaultdict(list)
    for number, tree in enumerate(_trees(model)):
        nodes, places = tree.nodes, np.arange(len(tree.nodes))
        leaf = nodes["is_leaf"].astype(bool)
        columns["nodes_treeids"] += [number] * len(nodes)
        columns["nodes_nodeids"] += places.tolist()
        columns["nodes_modes"] += np.where(leaf, "LEAF", "BRANCH_LEQ").tolist()
        columns["nodes_featureids"] += np.where(leaf, 0, nodes["feature_idx"]).tolist()
        columns["nodes_values"] += np.where(leaf, 0, floored(nodes["num_threshold"])).tolist()
        columns["nodes_truenodeids"] += np.where(leaf, 0, nodes["left"]).tolist()
        columns["nodes_falsenodeids"] += np.where(leaf, 0, nodes["right"]).tolist()
        columns["nodes_missing_value_tracks_true"] += np.where(leaf, 0, nodes["missing_go_to_left"]).tolist()
        columns["target_treeids"] += [number] * int(leaf.sum())
        columns["target_nodeids"] += places[leaf].tolist()
        columns["target_ids"] += [0] * int(leaf.sum())
        columns["target_weights"] += nodes["value"][leaf].tolist()
    return columns


def _pool(feature: Feature, thresholds: NDArray[np.float64]) -> NDArray[np.float32]:
    cuts = floored(thresholds[np.isfinite(thresholds)])
    below, above = (np.nextafter(cuts, np.float32(end)) for end in (-np.inf, np.inf))
    first, levels = first_code(feature), 2 if feature.type is FeatureType.BOOLEAN else len(feature.levels)
    codes = [] if feature.type is FeatureType.NUMBER else range(first, first + levels + 1)
    ends = [np.nan, 0, LARGEST_FLOAT32, -LARGEST_FLOAT32]
    return np.unique(np.concatenate([np.array([*ends, *codes], np.float32), below, cuts, above]))
