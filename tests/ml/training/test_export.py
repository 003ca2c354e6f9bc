"""The graph is the model: exact, and the same bytes every time."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
from interpret.glassbox import ExplainableBoostingClassifier

from app.domain.features import Feature, FeatureType
from app.ml.dataset import Dataset
from app.ml.features import Contract, encode_many
from app.ml.session import open_session
from app.ml.training.dataset import learn_contract
from app.ml.training.export import export, terms_of, thresholds
from app.ml.training.fit import Effort, fit
from app.ml.training.material import Material
from app.ml.training.parity import gate


def test_the_same_rows_and_seed_give_the_same_bytes(
    material: Material, ebm: ExplainableBoostingClassifier, model: bytes, effort: Effort
) -> None:
    # C1: seedable; C8: a version can be made again
    again = fit(material.matrix, material.training.labels, material.features, seed=7, effort=effort)
    assert again is not ebm
    assert export(again, material.features) == model


def test_the_number_of_processes_changes_nothing(
    material: Material, effort: Effort, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.ml.training.fit.WORTH_SHARING", 0)
    one, two = (
        fit(
            material.matrix[:1500],
            material.training.labels[:1500],
            material.features,
            seed=7,
            effort=replace(effort, outer_bags=2, processes=processes),
        )
        for processes in (1, 2)
    )
    assert export(one, material.features) == export(two, material.features)


def test_another_seed_gives_another_model(material: Material, model: bytes, effort: Effort) -> None:
    other = fit(material.matrix, material.training.labels, material.features, seed=8, effort=effort)
    assert export(other, material.features) != model


def test_the_graph_states_the_versions_that_any_recent_runtime_reads(model: bytes) -> None:
    graph = onnx.load_from_string(model)
    assert graph.ir_version == 9
    assert {opset.domain: opset.version for opset in graph.opset_import} == {"": 18, "ai.onnx.ml": 3}
    assert [node.op_type for node in graph.graph.node] == [
        "TreeEnsembleRegressor",
        "Cast",
        "Gather",
        "ReduceSum",
        "Add",
        "Sigmoid",
    ]


def test_a_threshold_divides_the_float32s_exactly_as_its_cut_does() -> None:
    cuts = np.array([0.1, 0.3, 1 / 3, 1.0, -0.1, 1e-46, 16_777_217.0, 0.0])
    for cut, threshold in zip(cuts, thresholds(cuts), strict=True):
        for near in (threshold, np.nextafter(threshold, np.float32(-np.inf)), np.float32(cut)):
            assert (near < threshold) == (float(near) < cut)


def test_odd_columns_are_exported_exactly() -> None:
    """One value or missing, two values closer than a float32 can tell, rare levels, many levels, an unsure boolean."""
    random = np.random.default_rng(3)
    features = tuple(
        Feature(name, kind)
        for name, kind in {
            "flat": FeatureType.NUMBER,
            "close": FeatureType.NUMBER,
            "huge": FeatureType.NUMBER,
            "rare": FeatureType.CATEGORY,
            "many": FeatureType.CATEGORY,
            "unsure": FeatureType.BOOLEAN,
            "sure": FeatureType.CATEGORY,
        }.items()
    )
    size = 800
    labels = random.random(size) < 0.3
    table = Dataset(
        [str(row) for row in range(size)],
        features,
        {
            "flat": [None if row % 2 else 5.0 for row in range(size)],
            "close": [16_777_216.0 + row % 5 for row in range(size)],
            "huge": [float(cell) for cell in random.normal(size=size) * 10.0 ** random.integers(-40, 38, size)],
            "rare": ["usual" if row else "once" for row in range(size)],
            "many": [f"level {number}" for number in random.integers(0, 300, size)],
            "unsure": [None if row % 3 == 0 else bool(label) for row, label in enumerate(labels)],
            "sure": [None if row % 5 else "yes" for row in range(size)],
        },
        labels,
    )
    contract = Contract.of(learn_contract(table))
    matrix = encode_many(contract, table.columns)
    effort = Effort(interactions=10, max_bins=64, outer_bags=1, max_rounds=50, processes=1)
    ebm = fit(matrix, labels, contract.features, seed=1, effort=effort)
    session = open_session(export(ebm, contract.features), features=len(features), terms=len(terms_of(ebm)))
    gate(session, ebm, contract.features, matrix)
