"""The shapes are the model: whoever adds up what is drawn gets the score."""

from bisect import bisect_right

import numpy as np
import pytest
from interpret.glassbox import ExplainableBoostingClassifier

from app.ml.features import first_code
from app.ml.training.material import Material
from app.ml.training.shapes import Shape, shapes


@pytest.fixture(scope="module")
def drawn(material: Material, ebm: ExplainableBoostingClassifier) -> list[Shape]:
    return shapes(ebm, material.features)


def test_every_term_is_drawn_the_most_important_first(
    drawn: list[Shape], material: Material, ebm: ExplainableBoostingClassifier
) -> None:
    means = np.abs(ebm.eval_terms(material.matrix)).mean(axis=0)
    assert [shape.importance for shape in drawn] == pytest.approx(sorted(means.tolist(), reverse=True))
    assert {shape.kind for shape in drawn} == {"number", "category", "pair"}


def test_reading_the_drawing_gives_the_contribution(
    drawn: list[Shape], material: Material, ebm: ExplainableBoostingClassifier
) -> None:
    names = [feature.name for feature in material.features]
    terms = [[names[index] for index in term] for term in ebm.term_features_]
    contributions = ebm.eval_terms(material.matrix[:50])
    for shape in drawn:
        if shape.kind == "pair":
            continue
        feature = material.features[names.index(shape.features[0])]
        for row in range(50):
            value = float(material.matrix[row, names.index(feature.name)])
            assert shape.edges or shape.levels
            if shape.edges:
                place = min(bisect_right(shape.edges, value), len(shape.scores)) - 1
            else:
                assert shape.levels
                levels = feature.levels or ("false", "true")
                place = shape.levels.index(levels[int(value) - first_code(feature)])
            assert shape.scores[place] == pytest.approx(contributions[row, terms.index(shape.features)])


def test_bins_have_finite_edges_and_hold_every_row_with_a_value(drawn: list[Shape], material: Material) -> None:
    names = [feature.name for feature in material.features]
    for shape in drawn:
        columns = [names.index(name) for name in shape.features]
        assert np.sum(shape.rows) == (~np.isnan(material.matrix[:, columns])).all(axis=1).sum()
        assert np.shape(shape.rows) == np.shape(shape.scores)
        if shape.kind == "number":
            assert shape.edges is not None
            assert len(shape.edges) == len(shape.scores) + 1
            assert np.isfinite(shape.edges).all()
            assert sorted(shape.edges) == shape.edges
        if shape.kind == "category":
            assert shape.levels is not None
            assert len(shape.levels) == len(shape.scores)


def test_a_pair_is_a_grid_with_labels_for_both_features(drawn: list[Shape]) -> None:
    for shape in drawn:
        if shape.kind == "pair":
            assert shape.grid is not None
            assert np.shape(shape.scores) == (len(shape.grid.x), len(shape.grid.y))
            assert (shape.edges, shape.levels, shape.missing) == (None, None, None)


def test_the_score_of_a_missing_value_is_told_only_where_training_had_some(
    drawn: list[Shape], material: Material
) -> None:
    lacking = {f.name for f, column in zip(material.features, material.matrix.T, strict=True) if np.isnan(column).any()}
    told = {shape.features[0] for shape in drawn if shape.missing is not None}
    assert told == lacking == {"total_charges"}
