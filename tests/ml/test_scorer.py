"""A score and its explanation are one computation."""

import numpy as np
import pytest
from numpy.typing import NDArray

from app.domain.features import FeatureValue
from app.ml.bundle import Bundle
from app.ml.features import encode, unseen_levels
from app.ml.scorer import CHUNK, Scores, run, score


def test_every_score_is_its_baseline_and_contributions(bundle: Bundle, unseen: NDArray[np.float32]) -> None:
    # C14: factors + base = score, for every row
    scores = score(bundle, unseen)
    parts = bundle.manifest.intercept + scores.contributions.sum(axis=1)
    assert np.abs(scores.logit - parts).max() <= 1e-9
    assert np.abs(scores.probability - 1 / (1 + np.exp(-scores.logit))).max() <= 1e-12
    assert scores.contributions.shape == (len(unseen), len(bundle.manifest.terms))


def test_every_probability_lies_between_0_and_1(bundle: Bundle, unseen: NDArray[np.float32]) -> None:
    # C13
    probability = score(bundle, unseen).probability
    assert probability.dtype == np.float64
    assert ((probability >= 0) & (probability <= 1)).all()


@pytest.mark.parametrize("company", [1, 2, 3, 8, 13, 32, CHUNK + 1])
def test_a_row_scores_the_same_to_the_last_bit_in_whatever_company(
    bundle: Bundle, unseen: NDArray[np.float32], company: int
) -> None:
    many = np.resize(unseen, (2 * CHUNK + 3 if company > CHUNK else 500, unseen.shape[1]))
    together = score(bundle, many)
    apart = [score(bundle, many[at : at + company]) for at in range(0, len(many), company)]
    for name in Scores._fields:
        parts = np.concatenate([getattr(part, name) for part in apart])
        np.testing.assert_array_equal(parts, getattr(together, name))


def test_it_is_what_the_graph_says_itself(bundle: Bundle, unseen: NDArray[np.float32]) -> None:
    ours, graphs = score(bundle, unseen), run(bundle.session, unseen)
    np.testing.assert_array_equal(ours.contributions, graphs.contributions)
    np.testing.assert_allclose(ours.logit, graphs.logit, rtol=0, atol=1e-14)
    np.testing.assert_allclose(ours.probability, graphs.probability, rtol=0, atol=1e-15)


def test_no_rows_score_as_no_rows(bundle: Bundle, unseen: NDArray[np.float32]) -> None:
    scores = score(bundle, unseen[:0])
    assert scores.probability.shape == scores.logit.shape == (0,)
    assert scores.contributions.shape == (0, len(bundle.manifest.terms))


def test_an_unseen_level_contributes_nothing_of_its_own(bundle: Bundle, subscriber: dict[str, FeatureValue]) -> None:
    values = subscriber | {"contract": "Ten years"}
    assert unseen_levels(bundle.contract, values) == ["contract"]
    contributions = score(bundle, encode(bundle.contract, values)).contributions[0]
    own = [index for index, feature in enumerate(bundle.contract.features) if feature.name == "contract"]
    assert contributions[bundle.manifest.terms.index((own[0],))] == 0


def test_a_missing_value_scores_where_the_contract_allows_it(
    bundle: Bundle, subscriber: dict[str, FeatureValue]
) -> None:
    scores = score(bundle, encode(bundle.contract, subscriber | {"total_charges": None}))
    assert np.isfinite(scores.logit).all()
