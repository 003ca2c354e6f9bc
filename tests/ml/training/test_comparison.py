"""The families are compared on the same rows, none of which the judged model has seen (C7, C9)."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from app.ml.training.boosted_trees import BoostedTrees
from app.ml.training.comparison import FAMILIES, Comparison, OutOfFold, compare, standings
from app.ml.training.fit import Effort
from app.ml.training.folds import folds
from app.ml.training.material import Material
from app.ml.training.measures import RANGES

ROWS = 900
Compared = tuple[Comparison, OutOfFold]


def compared(material: Material, labels: np.ndarray, effort: Effort) -> Compared:
    keys = np.arange(len(labels))
    return compare(
        material.matrix[: len(labels)],
        labels,
        material.features,
        folds(labels, keys, count=3, seed=1),
        keys=keys,
        seed=7,
        effort=replace(effort, max_rounds=60),
    )


@pytest.fixture(scope="module")
def real(material: Material, effort: Effort) -> Compared:
    return compared(material, material.training.labels[:ROWS], effort)


def test_every_family_is_measured_and_the_others_compared_with_the_served_one(real: Compared) -> None:
    comparison, _ = real
    assert [(each.name, each.served) for each in comparison.families] == [
        ("ebm", True),
        ("boosted_trees", False),
        ("logistic", False),
    ]
    served, *others = comparison.families
    assert served.gap is None
    for other in others:
        assert other.gap is not None
        for name in RANGES:
            gap = other.gap[name]
            assert gap.value == pytest.approx(other.measures[name].value - served.measures[name].value)
            assert gap.low <= gap.value <= gap.high
        assert 0.75 < other.measures["auroc"].value < 0.9


def test_a_paired_gap_is_narrower_than_what_it_is_the_difference_of(real: Compared) -> None:
    served, boosted, _ = real[0].families
    assert boosted.gap is not None
    widths = [m["auroc"].high - m["auroc"].low for m in (boosted.gap, served.measures, boosted.measures)]
    assert widths[0] < 0.7 * min(widths[1:])


def test_the_protocol_says_how_the_rows_were_judged(real: Compared) -> None:
    assert real[0].protocol == (
        "3 folds, stratified by label; 900 rows; outer bags of the explainable boosting machine: 1"
    )


def test_every_row_is_answered_once_in_the_order_of_the_rows_told(real: Compared, material: Material) -> None:
    _, unseen = real
    assert sorted(unseen.rows.tolist()) == list(range(ROWS))
    labels = material.training.labels[unseen.rows]
    assert roc_auc_score(labels, unseen.logits) == pytest.approx(real[0].families[0].measures["auroc"].value)
    assert 1 / (1 + np.exp(-unseen.logits)) == pytest.approx(unseen.probabilities["ebm"])


def test_labels_of_pure_noise_are_not_foreseen_though_they_can_be_learned_by_heart(
    material: Material, effort: Effort
) -> None:
    # C9: were a row's value from a model that saw it, it would look foreseen
    noise = np.random.default_rng(8).random(ROWS) < 0.4
    comparison, unseen = compared(material, noise, effort)
    for family in comparison.families:
        assert 0.42 < family.measures["auroc"].value < 0.58
    rows = material.matrix[:ROWS]
    by_heart = BoostedTrees().fit(
        rows, noise, material.features, keys=np.arange(ROWS), seed=7, effort=replace(effort, max_rounds=60)
    )
    assert roc_auc_score(noise, by_heart.probabilities(rows)) > 0.65
    assert abs(float(np.corrcoef(unseen.logits, noise[unseen.rows])[0, 1])) < 0.1


def test_the_same_probabilities_have_no_gap() -> None:
    random = np.random.default_rng(9)
    labels, answer = random.random(200) < 0.5, random.random(200)
    _, *others = standings(labels, {family.name: answer for family in FAMILIES}, np.arange(200), seed=1)
    for other in others:
        assert other.gap is not None
        assert {(gap.low, gap.value, gap.high) for gap in other.gap.values()} == {(0, 0, 0)}
