"""Balanced look-up trees, written as one `TreeEnsembleRegressor` of ONNX (ai.onnx.ml 3)."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, TypeAlias

from onnx import NodeProto, helper

Leaf: TypeAlias = list[tuple[int, int]]  # (target, amount it adds to that target)


class Trees:
    """One tree a feature; every target is the sum of what the row's leaf in each tree adds to it."""

    def __init__(self, targets: int) -> None:
        self._targets = targets
        self._columns: defaultdict[str, list[Any]] = defaultdict(list)
        self._tree = -1
        self._node = 0

    def add(self, feature: int, starts: Sequence[float], leaves: Sequence[Leaf]) -> None:
        """Add the tree that sends a missing value to leaves[0] and x to the last leaves[1 + i] with starts[i] <= x."""
        self._tree += 1
        self._node = 0
        self._grow(feature, starts, leaves)

    def node(self, source: str, result: str, *, base: Sequence[float]) -> NodeProto:
        """Return the ensemble; `base` is what each target starts from."""
        columns: dict[str, Any] = dict(self._columns) | {"base_values": [float(value) for value in base]}
        return helper.make_node(
            "TreeEnsembleRegressor",
            [source],
            [result],
            domain="ai.onnx.ml",
            n_targets=self._targets,
            aggregate_function="SUM",
            **columns,
        )

    def _grow(self, feature: int, starts: Sequence[float], leaves: Sequence[Leaf]) -> int:
        node, self._node = self._node, self._node + 1
        if len(leaves) == 1:
            self._write(node, "LEAF")
            self._write_leaf(node, leaves[0])
            return node
        # NaN goes left at every node, so it ends in the leftmost leaf: the one before minus infinity, which nothing
        # else reaches. A parent's row is written first and learns its children's numbers afterwards.
        middle = len(leaves) // 2
        row = self._write(node, "BRANCH_LT", feature, starts[middle - 1])
        self._columns["nodes_truenodeids"][row] = self._grow(feature, starts[: middle - 1], leaves[:middle])
        self._columns["nodes_falsenodeids"][row] = self._grow(feature, starts[middle:], leaves[middle:])
        return node

    def _write(self, node: int, mode: str, feature: int = 0, value: float = 0.0) -> int:
        row = {
            "nodes_treeids": self._tree,
            "nodes_nodeids": node,
            "nodes_modes": mode,
            "nodes_featureids": feature,
            "nodes_values": value,
            "nodes_truenodeids": 0,
            "nodes_falsenodeids": 0,
            "nodes_missing_value_tracks_true": int(mode != "LEAF"),
        }
        for column, cell in row.items():
            self._columns[column].append(cell)
        return len(self._columns["nodes_modes"]) - 1

    def _write_leaf(self, node: int, leaf: Leaf) -> None:
        for target, amount in leaf:
            self._columns["target_treeids"].append(self._tree)
            self._columns["target_nodeids"].append(node)
            self._columns["target_ids"].append(target)
            self._columns["target_weights"].append(float(amount))
