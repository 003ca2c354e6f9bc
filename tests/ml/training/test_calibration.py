"""Recalibration mends a model that is off, leaves one that is not, and stays inside the model (C13)."""

from copy import deepcopy

import numpy as np
import pytest
from interpret.glassbox import ExplainableBoostingClassifier
from scipy.special import expit
from sklearn.metrics import log_loss

from app.ml.session import open_session
from app.ml.training.calibration import apply, calibrate, platt
from app.ml.training.evaluate import evaluate
from app.ml.training.export import export, terms_of
from app.ml.training.material import Material
from app.ml.training.parity import gate

ROWS = 4000


def test_the_slope_and_intercept_are_found_again() -> None:
    random = np.random.default_rng(1)
    logits = random.normal(0, 2, 100_000)
    labels = random.random(100_000) < expit(0.5 * logits - 1)
    assert platt(logits, labels) == pytest.approx((0.5, -1), abs=0.03)


def test_no_other_slope_or_intercept_fits_better() -> None:
    random = np.random.default_rng(2)
    logits = random.normal(size=ROWS)
    labels = random.random(ROWS) < expit(2 * logits + 1)
    slope, intercept = platt(logits, labels)
    best = log_loss(labels, expit(slope * logits + intercept))
    for a, b in [(0.02, 0), (-0.02, 0), (0, 0.02), (0, -0.02)]:
        assert log_loss(labels, expit((slope + a) * logits + intercept + b)) > best


def test_a_miscalibrated_model_is_mended_and_a_calibrated_one_left_alone() -> None:
    random = np.random.default_rng(3)
    logits = random.normal(-1, 1, ROWS)
    labels = random.random(ROWS) < expit(logits)
    off = 2.5 * logits + 1  # too sure of itself, and too high
    mended = calibrate(off, labels, np.arange(ROWS), seed=1)
    assert mended.applied
    assert mended.gain > 10 * mended.gain_error
    assert (mended.slope, mended.intercept) == pytest.approx((0.4, -0.4), abs=0.05)
    assert evaluate(labels, expit(mended.slope * off + mended.intercept)).ece < 0.02 < evaluate(labels, expit(off)).ece
    assert not calibrate(logits, labels, np.arange(ROWS), seed=1).applied


def test_a_ranking_upside_down_is_not_turned_round() -> None:
    labels = np.arange(ROWS) % 3 == 0
    logits = np.where(labels, -1.0, 1.0) + np.random.default_rng(4).normal(size=ROWS)
    found = calibrate(logits, labels, np.arange(ROWS), seed=1)
    assert found.slope < 0 < found.gain
    assert not found.applied


def test_logits_that_separate_the_labels_get_a_finite_slope() -> None:
    labels = np.arange(100) % 2 == 0
    slope, _ = platt(np.where(labels, 1.0, -1.0), labels)
    assert 1 < slope < 20


def test_it_is_folded_into_the_terms_so_that_the_model_stays_its_own_explanation(
    material: Material, ebm: ExplainableBoostingClassifier
) -> None:
    rows, changed = material.unseen, deepcopy(ebm)
    logits = ebm.decision_function(rows)
    apply(changed, 0.8, -0.3)
    assert np.abs(changed.predict_proba(rows)[:, 1] - expit(0.8 * logits - 0.3)).max() <= 1e-12
    assert np.abs(changed.eval_terms(rows) - 0.8 * ebm.eval_terms(rows)).max() <= 1e-12
    features = material.features
    session = open_session(export(changed, features), features=len(features), terms=len(terms_of(changed)))
    assert gate(session, changed, features, material.matrix).probability <= 1e-12
