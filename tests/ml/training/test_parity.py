"""Nothing leaves training that does not compute what was fitted."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from interpret.glassbox import ExplainableBoostingClassifier
from onnx import numpy_helper

from app.ml.manifest import Purpose
from app.ml.session import open_session
from app.ml.training.export import terms_of, thresholds
from app.ml.training.material import Material
from app.ml.training.parity import LEAST_ROWS, ParityFailed, gate, probes
from app.ml.training.release import release


def attribute(graph: onnx.ModelProto, name: str) -> onnx.AttributeProto:
    found: onnx.AttributeProto = next(each for each in graph.graph.node[0].attribute if each.name == name)
    return found


def change_a_score(graph: onnx.ModelProto) -> None:
    scores = next(tensor for tensor in graph.graph.initializer if tensor.name == "scores")
    table = numpy_helper.to_array(scores).copy()
    table[1] += 1e-7
    scores.CopyFrom(numpy_helper.from_array(table, "scores"))


def move_cuts_to_the_next_float32(graph: onnx.ModelProto) -> None:
    # All of them, since a single one may lie between two bins of equal score.
    cuts = attribute(graph, "nodes_values").floats
    cuts[:] = [float(np.nextafter(np.float32(cut), np.float32(np.inf))) for cut in cuts]


def send_missing_values_the_other_way(graph: onnx.ModelProto) -> None:
    sides = attribute(graph, "nodes_missing_value_tracks_true").ints
    sides[:] = [0] * len(sides)


def shift_the_intercept(graph: onnx.ModelProto) -> None:
    intercept = next(tensor for tensor in graph.graph.initializer if tensor.name == "intercept")
    intercept.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(intercept) + 1e-5, "intercept"))


@pytest.mark.parametrize(
    "corrupt",
    [change_a_score, move_cuts_to_the_next_float32, send_missing_values_the_other_way, shift_the_intercept],
)
def test_a_corrupted_graph_is_refused_and_nothing_is_written(
    corrupt: Callable[[onnx.ModelProto], None],
    material: Material,
    ebm: ExplainableBoostingClassifier,
    model: bytes,
    purpose: Purpose,
    registry: Path,
) -> None:
    graph = onnx.load_from_string(model)
    corrupt(graph)
    with pytest.raises(ParityFailed, match="differs from its model"):
        release(material, ebm, graph.SerializeToString(), purpose=purpose, seed=7, out=registry)
    assert not registry.exists()


def test_the_true_graph_passes_on_the_hardest_rows(
    material: Material, ebm: ExplainableBoostingClassifier, model: bytes
) -> None:
    session = open_session(model, features=len(material.features), terms=len(terms_of(ebm)))
    parity = gate(session, ebm, material.features, material.matrix)
    assert parity.rows >= 2 * LEAST_ROWS
    assert parity.probability <= 1e-12
    assert parity.contribution == 0


def test_the_rows_hold_every_cut_with_its_neighbours_every_level_and_missing_values(
    material: Material, ebm: ExplainableBoostingClassifier
) -> None:
    rows = probes(ebm, material.features, material.matrix[:50])
    assert np.isnan(rows).any(axis=0).all()
    for index, feature in enumerate(material.features):
        present = set(rows[:, index].tolist())
        if feature.levels:
            assert set(range(1, len(feature.levels) + 2)) <= present
        elif feature.type == "number":
            cuts = thresholds(ebm.bins_[index][0])
            for end in (-np.inf, np.inf):
                assert set(np.nextafter(cuts, np.float32(end)).tolist()) <= present
            assert set(cuts.tolist()) <= present
