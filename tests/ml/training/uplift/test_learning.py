"""What an action changes is found where it is there, and not claimed where it isn't."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from app.domain.features import FeatureValue
from app.ml.bundle import load_bundle
from app.ml.effects import arm_gains
from app.ml.features import complete
from app.ml.training.measures import Measure
from app.ml.training.train import purpose_of
from app.ml.training.uplift.effects import Effects, cross_fit
from app.ml.training.uplift.experiment import Assignment, experiment_of
from app.ml.training.uplift.learning import Learned, Plan, learn
from app.ml.training.uplift.qini import Policy, average_effects, judge, measured_gains
from tests.factories.experiments import ACTION, LIGHT, NOTHING, coin, experiment

Values = dict[str, FeatureValue]
AT = datetime(2026, 11, 1, tzinfo=UTC)
PLAN = Plan(effort=LIGHT, folds=3)
MONTHLY: Values = {"tenure_months": 12.0, "contract": "Month-to-month"}
BOUND: Values = {"tenure_months": 12.0, "contract": "Two year"}


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Learned:
    return learn(experiment(), purpose_of("port_out", 90, at=AT), out=tmp_path_factory.mktemp("models"), plan=PLAN)


def test_who_is_helped_and_who_is_harmed_is_found_and_beats_risk(learned: Learned) -> None:
    uplift = learned.uplift
    assert uplift["beats_risk"]
    assert uplift["gap"]["low"] > 0
    # Truly .4 × a half − .25 × a half.
    gain = uplift["arms"][ACTION]["gain"]
    assert gain["low"] < 0.075 < gain["high"]
    share = uplift["arms"][ACTION]["share"]
    assert share["low"] < 0.15 < share["high"]


def test_the_bundle_answers_for_one_subscriber_with_exact_drivers(learned: Learned) -> None:
    bundle = load_bundle(learned.directory)
    assert (bundle.manifest.role, bundle.manifest.name) == ("uplift", "uplift")
    for values, truth in ((MONTHLY, 0.4), (BOUND, -0.25)):
        [gain] = arm_gains(bundle, complete(bundle.contract, values, None), limit=10)
        assert gain.without - gain.under == pytest.approx(truth, abs=0.08)
        assert gain.reach > 0
        change = np.log(gain.under / (1 - gain.under)) - np.log(gain.without / (1 - gain.without))
        assert sum(driver.contribution for driver in gain.drivers) == pytest.approx(change, abs=1e-9)
    assert gain.drivers[0].feature in {"contract", "arm"}


def test_where_nothing_is_changed_nothing_is_claimed(tmp_path: Path) -> None:
    found = learn(experiment(change=NOTHING), purpose_of("port_out", 90, at=AT), out=tmp_path, plan=PLAN)
    assert not found.uplift["beats_risk"]
    assert found.uplift["arms"][ACTION]["gain"]["low"] < 0 < found.uplift["arms"][ACTION]["gain"]["high"]
    assert "goes on ranking" in (found.directory / "report.html").read_text()


def test_a_log_without_known_propensities_never_ranks(tmp_path: Path) -> None:
    dataset, said = coin()
    unknown = experiment_of(dataset, Assignment(said["arms"], said["control"], None))
    found = learn(unknown, purpose_of("port_out", 90, at=AT), out=tmp_path, plan=PLAN)
    assert (found.uplift["is_randomised"], found.uplift["beats_risk"]) == (False, False)
    assert "Warning: Nobody noted" in (found.directory / "report.html").read_text()
    assert json.loads((found.directory / "report.json").read_text())["warning"]


def test_who_is_chosen_for_their_risk_makes_a_good_action_look_bad() -> None:
    """The bias of a log whose propensities nobody knows, and that knowing them mends it."""
    dataset, _ = coin(8000)
    random = np.random.default_rng(3)
    # Those who leave anyway are offered it four times as often: somebody saw it coming, and no feature tells.
    seen = np.where(random.random(8000) < 0.5, 0.8, 0.2)
    arms = np.where(random.random(8000) < seen, ACTION, "none")
    left = random.random(8000) < np.where(seen > 0.5, 0.7, 0.3) - 0.15 * (arms == ACTION)
    log = replace(dataset, labels=left)
    known = {ACTION: seen.tolist(), "none": (1 - seen).tolist()}

    def gain(propensities: dict[str, list[float]] | None) -> Measure:
        found = experiment_of(log, Assignment(arms.tolist(), "none", propensities))
        predicted, _ = cross_fit(found, sign=-1, seed=1, folds=2, effort=LIGHT)
        return average_effects(measured_gains(found, predicted, -1), predicted, found)[ACTION][0]

    assert gain(None).high < 0
    assert gain(known).low < 0.15 < gain(known).high


def test_measured_gains_are_right_on_average_whatever_was_predicted() -> None:
    """Doubly robust: even a prediction that is nonsense leaves the mean unbiased, as the propensities are known."""
    found = experiment(20_000)
    nonsense = np.full(found.propensities.shape, 0.9)
    gains = measured_gains(found, Effects(nonsense, nonsense * 0), -1)
    assert gains[:, 1].mean() == pytest.approx(0.075, abs=0.03)
    good, _ = cross_fit(found, sign=-1, seed=1, folds=2, effort=LIGHT)
    better = measured_gains(found, good, -1)
    assert better[:, 1].mean() == pytest.approx(0.075, abs=0.02)
    assert better[:, 1].std() < gains[:, 1].std()
    [(gain, _)] = average_effects(better, good, found).values()
    assert gain.low < 0.075 < gain.high


def test_a_better_ranking_has_the_larger_coefficient() -> None:
    truth = np.column_stack([np.zeros(1000), np.linspace(-1, 1, 1000)])
    arms, chance = np.ones(1000, np.intp), np.random.default_rng(1).random(1000)
    ranked = [
        Policy("best", truth[:, 1], arms),
        Policy("worst", -truth[:, 1], arms),
        Policy("everyone", chance, arms),
    ]
    found = judge(truth, ranked, np.arange(1000), 1)
    best, worst, everyone = (one.qini.value for one in found.standings)
    assert best == pytest.approx(1 / 6, abs=0.01)
    assert worst == pytest.approx(-1 / 6, abs=0.01)
    assert abs(everyone) < 0.03
    assert found.gap.low > 0


def test_the_same_log_gives_the_same_model(learned: Learned, tmp_path: Path) -> None:
    again = learn(experiment(), purpose_of("port_out", 90, at=AT), out=tmp_path, plan=PLAN)
    for name in ("model.onnx", "manifest.json", "report.html"):
        assert (again.directory / name).read_bytes() == (learned.directory / name).read_bytes()
