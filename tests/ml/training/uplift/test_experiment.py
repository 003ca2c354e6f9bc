"""A log that cannot teach is refused in one line, before anything is learned."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest

from app.domain.features import Feature, FeatureType
from app.ml.training.uplift.experiment import Assignment, LogRefused, experiment_of
from tests.factories.experiments import ACTION, CONTROL, coin, experiment

Change = Callable[[dict[str, Any]], None]


def without_control(said: dict[str, Any]) -> None:
    said["arms"] = [ACTION] * len(said["arms"])


def with_one_arm(said: dict[str, Any]) -> None:
    said["arms"] = [CONTROL] * len(said["arms"])


def with_an_unknown_arm(said: dict[str, Any]) -> None:
    said["arms"][0] = "handset"


def with_a_gap(said: dict[str, Any]) -> None:
    said["arms"][4] = None


def beyond_one(said: dict[str, Any]) -> None:
    said["propensities"][ACTION][2] = 0.6


def without_chance(said: dict[str, Any]) -> None:
    said["propensities"][CONTROL][1], said["propensities"][ACTION][1] = 0.0, 1.0


def with_an_arm_nobody_got(said: dict[str, Any]) -> None:
    said["propensities"]["sms"] = [0.1] * len(said["arms"])


def with_early_outcomes(said: dict[str, Any]) -> None:
    said["given_on"] = [date(2026, 5, 2)] * len(said["arms"])
    said["became_on"] = [None, date(2026, 5, 1), *said["given_on"][2:]]


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (without_control, "nobody in the log was given the control arm"),
        (with_one_arm, "one arm only"),
        (with_an_unknown_arm, "the arm 'handset' stands in the log and has no propensity"),
        (with_a_gap, "row 5: the arm is not told"),
        (beyond_one, "row 3: the propensities add up to 1.1 and not to 1"),
        (without_chance, "row 2: each arm's propensity must lie between 0 and 1"),
        (with_an_arm_nobody_got, "the arm 'sms' has a propensity, and nobody"),
        (with_early_outcomes, "row 2: the outcome comes before the treatment"),
    ],
)
def test_what_a_log_lacks_is_said(spoil: Change, sentence: str) -> None:
    dataset, said = coin(400)
    spoil(said)
    with pytest.raises(LogRefused, match=sentence):
        experiment_of(dataset, Assignment(**said))


def test_too_few_outcomes_are_refused_by_the_arm() -> None:
    dataset, said = coin(400)
    labels = dataset.labels & (np.array(said["arms"]) == CONTROL)
    with pytest.raises(LogRefused, match=f"too few outcomes: the arm '{ACTION}' has .* 0 with the outcome"):
        experiment_of(replace(dataset, labels=labels), Assignment(**said))


def test_a_subscriber_in_two_campaigns_at_a_time_is_refused() -> None:
    dataset, said = coin(400)
    ids = [dataset.ids[0], *dataset.ids[:-1]]
    with pytest.raises(LogRefused, match="rows 1 and 2 give one subscriber two arms at a time"):
        experiment_of(replace(dataset, ids=ids), Assignment(**said))
    days = [date(2026, 1, 1), *[date(2026, 6, 1)] * 399]
    assert experiment_of(replace(dataset, ids=ids), Assignment(**said, given_on=days)).keys.max() == 398


def test_a_feature_may_not_have_the_name_of_the_arm() -> None:
    dataset, said = coin(400)
    arm = Feature("arm", FeatureType.NUMBER)
    named = replace(dataset, features=(*dataset.features, arm), columns=dataset.columns | {"arm": [1.0, 2.0] * 200})
    with pytest.raises(LogRefused, match="a feature is called 'arm'"):
        experiment_of(named, Assignment(**said))


def test_protected_attributes_never_become_inputs() -> None:
    dataset, said = coin(400)
    gender = Feature("gender", FeatureType.CATEGORY)
    columns = dataset.columns | {"gender": ["f", "m"] * 200}
    named = replace(dataset, features=(*dataset.features, gender), columns=columns)
    assert [feature.name for feature in experiment_of(named, Assignment(**said)).features] == [
        "tenure_months",
        "contract",
        "arm",
    ]


def test_the_arm_is_the_last_input_and_can_be_set_for_all() -> None:
    found = experiment(400)
    assert found.arms == (CONTROL, ACTION)
    assert (found.matrix[:, -1] == found.arm + 1).all()
    assert set(found.under(1)[:, -1]) == {2.0}
