"""The challenger's graph computes what the challenger computes, also where that is hardest."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.features import Feature
from app.ml.training.boosted_trees import LEAST_ROWS, BoostedTrees, challenger_parity, export, floored, probes
from app.ml.training.families import FittedEstimator
from app.ml.training.fit import Effort
from app.ml.training.material import Material


@pytest.fixture(scope="module")
def challenger(material: Material, effort: Effort) -> FittedEstimator:
    """Fitted to rows of which every tenth lacks each value in turn, so that its trees split on missing too."""
    matrix = material.matrix.copy()
    for column in range(matrix.shape[1]):
        matrix[column::10, column] = np.nan
    return BoostedTrees().fit(
        matrix,
        material.training.labels,
        material.features,
        keys=np.arange(len(matrix)),
        seed=7,
        effort=replace(effort, max_rounds=40),
    )


def features_of(material: Material) -> Sequence[Feature]:
    return material.features


def test_probabilities_differ_by_less_than_a_millionth(material: Material, challenger: FittedEstimator) -> None:
    parity = challenger_parity(challenger.estimator, features_of(material), material.matrix)
    assert parity.rows >= 2 * LEAST_ROWS
    assert parity.probability <= 1e-6


def test_the_rows_hold_every_cut_with_its_neighbours_every_code_and_missing_values(
    material: Material, challenger: FittedEstimator
) -> None:
    rows = probes(challenger.estimator, features_of(material), material.matrix[:10])
    assert np.isnan(rows).any(axis=0).all()
    for tree in [tree for (tree,) in challenger.estimator._predictors]:  # noqa: SLF001  # nothing public shows the cuts
        for node in tree.nodes[tree.nodes["is_leaf"] == 0]:
            cut = np.float32(floored(node["num_threshold"].reshape(1))[0])
            beside = [cut, *(np.nextafter(cut, np.float32(end)) for end in (-np.inf, np.inf))]
            assert set(beside) <= set(rows[:, node["feature_idx"]]) or np.isinf(cut)
    for column, feature in enumerate(features_of(material)):
        if feature.levels:
            assert set(range(1, len(feature.levels) + 2)) <= set(rows[:, column])


@pytest.mark.parametrize("damage", ["thresholds", "missing"])
def test_a_graph_that_is_off_at_a_cut_or_for_missing_values_would_be_noticed(
    damage: str, material: Material, challenger: FittedEstimator
) -> None:
    graph = onnx.load_from_string(export(challenger.estimator))
    attributes = {attribute.name: attribute for attribute in graph.graph.node[0].attribute}
    if damage == "thresholds":
        cuts = attributes["nodes_values"].floats
        cuts[:] = [float(np.nextafter(np.float32(cut), np.float32(np.inf))) for cut in cuts]
    else:
        sides = attributes["nodes_missing_value_tracks_true"].ints
        sides[:] = [1 - side for side in sides]
    rows = probes(challenger.estimator, features_of(material), material.matrix)
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    (probability,) = session.run(["probability"], {"features": rows})
    assert np.abs(probability[:, 0] - challenger.probabilities(rows)).max() > 1e-4


@given(st.floats(-1e30, 1e30), st.floats(width=32, allow_nan=False))
def test_a_floored_threshold_decides_every_float32_as_the_exact_one_does(threshold: float, value: float) -> None:
    floor = floored(np.array([threshold]))[0]
    near = [np.float32(value), floor, *(np.nextafter(floor, np.float32(end)) for end in (-np.inf, np.inf))]
    for x in near:
        assert (x <= floor) == (float(x) <= threshold)


def test_the_same_rows_and_seed_give_the_same_graph(material: Material, effort: Effort) -> None:
    rows = material.matrix[:600]
    one, other = (
        export(
            BoostedTrees()
            .fit(
                rows,
                material.training.labels[:600],
                features_of(material),
                keys=np.arange(600),
                seed=7,
                effort=replace(effort, max_rounds=10),
            )
            .estimator
        )
        for _ in range(2)
    )
    assert one == other
