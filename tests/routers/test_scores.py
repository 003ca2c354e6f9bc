"""Probability, band and exact reasons, from given features or a stored snapshot."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest

from tests.factories.answers import CANARY, problem, refused_fields
from tests.factories.bodies import at_once
from tests.factories.subscribers import LEAVING, STAYING, subscriber
from tests.factories.tables import count_rows


def score(api: httpx.Client, **question: Any) -> Any:
    answer = api.post("/v1/scores", json=question)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_given_features_are_scored_with_reasons_that_add_up(api: httpx.Client) -> None:
    answer = api.post("/v1/scores", json={"features": LEAVING, "drivers": 100}).json()

    total = answer["baseline_logit"] + sum(d["contribution"] for d in answer["drivers"]) + answer["other_contribution"]
    assert abs(total - answer["logit"]) < 1e-9
    assert len({driver["feature"] for driver in answer["drivers"]}) == len(LEAVING)


@pytest.mark.parametrize("features", [LEAVING, STAYING], ids=["leaving", "staying"])
@pytest.mark.parametrize("drivers", [0, 1, 5, 100])
def test_however_many_drivers_are_shown_all_adds_up(api: httpx.Client, features: dict[str, Any], drivers: int) -> None:
    answer = score(api, features=features, drivers=drivers)
    shown = answer["drivers"]

    assert len(shown) == min(drivers, len(LEAVING))
    total = answer["baseline_logit"] + sum(driver["contribution"] for driver in shown) + answer["other_contribution"]
    assert total == pytest.approx(answer["logit"], abs=1e-6)
    assert answer["probability"] == pytest.approx(1 / (1 + math.exp(-answer["logit"])), abs=1e-12)
    strengths = [abs(driver["contribution"]) for driver in shown]
    assert strengths == sorted(strengths, reverse=True)
    for driver in shown:
        assert driver["value"] == features[driver["feature"]]
        effects = {True: "raises", False: "lowers"}
        assert driver["effect"] == (effects[driver["contribution"] > 0] if driver["contribution"] else "none")


def test_a_score_says_what_it_is_of_and_who_says_so(api: httpx.Client) -> None:
    answer = score(api, features=LEAVING)
    model = api.get("/v1/models").json()["items"][0]

    assert answer.keys() == {
        "subscriber_id", "churn_kind", "horizon_days", "probability", "band", "logit", "baseline_logit", "drivers",
        "other_contribution", "model", "as_of", "stale", "exclusions",
    }  # fmt: skip
    assert (answer["churn_kind"], answer["horizon_days"], len(answer["drivers"])) == ("port_out", 30, 5)
    assert (answer["subscriber_id"], answer["as_of"], answer["stale"], answer["exclusions"]) == (None, None, False, [])
    assert {name: answer["model"][name] for name in ("name", "version", "sha256")} == {
        name: model[name] for name in ("name", "version", "sha256")
    }
    assert "stands in for port_out" in answer["model"]["label_note"]


def test_a_likely_leaver_scores_above_a_likely_stayer(api: httpx.Client) -> None:
    assert score(api, features=LEAVING)["probability"] > 0.6
    assert score(api, features=STAYING)["probability"] < 0.1


def test_the_band_is_the_highest_whose_threshold_is_reached(api: httpx.Client) -> None:
    bands = api.get("/v1/feature-schema").json()["bands"]
    for features in (LEAVING, STAYING, LEAVING | {"tenure_months": 24}, STAYING | {"contract": "One year"}):
        answer = score(api, features=features)
        reached = [band["name"] for band in bands if band["from_probability"] <= answer["probability"]]
        assert answer["band"] == reached[-1]


def test_a_stored_subscriber_scores_as_the_same_features_do_to_the_last_bit(api: httpx.Client) -> None:
    subscriber_id = subscriber(api, features=LEAVING)
    by_id = score(api, subscriber_id=subscriber_id, drivers=100)

    assert by_id == score(api, features=LEAVING, drivers=100) | {"subscriber_id": subscriber_id, "as_of": "2026-10-31"}


def test_the_order_of_features_does_not_matter(api: httpx.Client) -> None:
    backwards = dict(reversed(LEAVING.items()))

    assert score(api, features=backwards) == score(api, features=LEAVING)


def test_given_features_win_over_stored_ones(api: httpx.Client) -> None:
    subscriber_id = subscriber(api, features=LEAVING)
    answer = score(api, subscriber_id=subscriber_id, features={"contract": "Two year"}, drivers=100)

    assert answer == score(api, features=LEAVING | {"contract": "Two year"}, drivers=100) | {
        "subscriber_id": subscriber_id,
        "as_of": "2026-10-31",
    }


def test_a_stored_value_stands_where_a_feature_that_may_be_missing_is_not_given(api: httpx.Client) -> None:
    subscriber_id = subscriber(api, features=LEAVING)
    nullable = {item["name"] for item in api.get("/v1/feature-schema").json()["features"] if item["nullable"]}
    assert nullable
    given = {name: value for name, value in STAYING.items() if name not in nullable}
    answer = score(api, subscriber_id=subscriber_id, features=given, drivers=100)

    expected = given | {name: LEAVING[name] for name in nullable}
    assert answer["probability"] == score(api, features=expected)["probability"]


@pytest.mark.parametrize("features", [LEAVING, STAYING], ids=["leaving", "staying"])
def test_a_value_that_is_missing_does_not_decide_a_score_alone(api: httpx.Client, features: dict[str, Any]) -> None:
    """The sample has eleven rows without it, all stayers: far too few to be certain of anything."""
    drivers = score(api, features=features | {"total_charges": None}, drivers=100)["drivers"]
    missing = next(driver for driver in drivers if driver["feature"] == "total_charges")

    assert missing["value"] is None
    assert abs(missing["contribution"]) < 6  # a factor of 400 on the odds


def test_all_features_given_need_nothing_stored(api: httpx.Client) -> None:
    answer = score(api, subscriber_id="nobody-yet", features=LEAVING)

    assert (answer["subscriber_id"], answer["as_of"]) == ("nobody-yet", None)


def test_the_latest_snapshot_is_scored(api: httpx.Client) -> None:
    subscriber_id = subscriber(api, features=LEAVING)
    api.put(f"/v1/subscribers/{subscriber_id}/snapshots/2026-11-15", json={"features": STAYING})
    answer = score(api, subscriber_id=subscriber_id)

    assert answer["as_of"] == "2026-11-15"
    assert answer["probability"] == score(api, features=STAYING)["probability"]


@pytest.mark.parametrize(("days", "stale"), [(0, False), (35, False), (36, True), (400, True)])
def test_an_old_snapshot_is_scored_and_flagged(api: httpx.Client, days: int, stale: bool) -> None:  # noqa: FBT001  # a row of the table above
    """Requirement B14."""
    subscriber_id = subscriber(api)
    as_of = (datetime.now(UTC) - timedelta(days=days)).date().isoformat()
    api.put(f"/v1/subscribers/{subscriber_id}/snapshots/{as_of}", json={"features": LEAVING})
    answer = score(api, subscriber_id=subscriber_id)

    assert (answer["as_of"], answer["stale"]) == (as_of, stale)


def test_a_level_the_model_has_not_seen_is_scored_and_flagged(api: httpx.Client) -> None:
    answer = score(api, features=LEAVING | {"contract": "Five year", "tech_support": "By letter"})

    assert answer["exclusions"] == ["unseen_level:contract", "unseen_level:tech_support"]
    assert 0 <= answer["probability"] <= 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("shoe_size", 43),
        ("female", True),
        ("tenure_months", CANARY),
        ("tenure_months", "1"),
        ("tenure_months", True),
        ("tenure_months", None),
        ("tenure_months", -1),
        ("monthly_charges", 1e38),
        ("monthly_charges", 2**63 - 1),
        ("contract", 1),
        ("contract", None),
        ("contract", CANARY * 20),
        ("senior", 1),
        ("senior", "No"),
    ],
)
def test_a_feature_that_does_not_fit_is_refused_by_name(api: httpx.Client, name: str, value: object) -> None:
    question = {"features": LEAVING | {name: value}}

    assert refused_fields(api.post("/v1/scores", json=question)) == {f"/features/{name}"}
    with_id = question | {"subscriber_id": subscriber(api, features=LEAVING)}
    assert refused_fields(api.post("/v1/scores", json=with_id)) == {f"/features/{name}"}


def test_every_required_feature_that_is_missing_is_named(api: httpx.Client) -> None:
    required = {item["name"] for item in api.get("/v1/feature-schema").json()["features"] if not item["nullable"]}

    assert refused_fields(api.post("/v1/scores", json={"features": {}})) == {f"/features/{name}" for name in required}


def test_a_feature_that_may_be_missing_may_be_null(api: httpx.Client) -> None:
    assert score(api, features=LEAVING | {"total_charges": None}) == score(
        api, features={name: value for name, value in LEAVING.items() if name != "total_charges"}
    )


@pytest.mark.parametrize(
    ("question", "pointer"),
    [
        ({}, "/features"),
        ({"drivers": 5}, "/features"),
        ({"subscriber_id": None, "features": None}, "/features"),
        ({"features": LEAVING, "churn_kind": "boredom"}, "/churn_kind"),
        ({"features": LEAVING, "churn_kind": "downgrade"}, "/churn_kind"),
        ({"features": LEAVING, "churn_kind": f"{CANARY}!"}, "/churn_kind"),
        ({"features": LEAVING, "drivers": -1}, "/drivers"),
        ({"features": LEAVING, "drivers": 101}, "/drivers"),
        ({"features": LEAVING, "drivers": 5.0}, "/drivers"),
        ({"features": LEAVING, "drivers": "5"}, "/drivers"),
        ({"features": LEAVING, "drivers": True}, "/drivers"),
        ({"features": [LEAVING]}, "/features"),
        ({"features": {"tenure_months": [1]}}, "/features/tenure_months"),
        ({"subscriber_id": 5281}, "/subscriber_id"),
        ({"subscriber_id": f"{CANARY}/{CANARY}"}, "/subscriber_id"),
        ({"subscriber_id": "nobody"}, "/subscriber_id"),
        ({"subscriber_id": "nobody", "features": {"tenure_months": 1}}, "/subscriber_id"),
    ],
)
def test_a_question_is_refused_by_the_name_of_its_field(
    api: httpx.Client, question: dict[str, Any], pointer: str
) -> None:
    assert pointer in refused_fields(api.post("/v1/scores", json=question))


def test_a_subscriber_without_a_snapshot_cannot_be_scored(api: httpx.Client) -> None:
    assert refused_fields(api.post("/v1/scores", json={"subscriber_id": subscriber(api)})) == {"/subscriber_id"}


def test_a_snapshot_that_does_not_suffice_names_what_is_missing(api: httpx.Client) -> None:
    subscriber_id = subscriber(api, features={"tenure_months": 3})

    assert "/features/contract" in refused_fields(api.post("/v1/scores", json={"subscriber_id": subscriber_id}))


def test_scoring_writes_nothing(api: httpx.Client, store: psycopg.Connection) -> None:
    subscriber_id = subscriber(api, features=LEAVING)
    rows = count_rows(store)
    score(api, subscriber_id=subscriber_id)
    score(api, features=LEAVING)

    assert count_rows(store) == rows


def test_many_at_once_get_what_one_gets(api: httpx.Client) -> None:
    answers = at_once(32, lambda number: api.post("/v1/scores", json={"features": (LEAVING, STAYING)[number % 2]}))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 2


def test_the_feature_schema_is_the_models_input_contract(api: httpx.Client) -> None:
    schema = api.get("/v1/feature-schema").json()

    assert {item["name"] for item in schema["features"]} == LEAVING.keys()
    assert (schema["churn_kind"], schema["horizon_days"]) == ("port_out", 30)
    assert [band["name"] for band in schema["bands"]] == ["low", "medium", "high", "critical"]
    thresholds = [band["from_probability"] for band in schema["bands"]]
    assert thresholds[0] == 0
    assert thresholds == sorted(thresholds)
    contract = next(item for item in schema["features"] if item["name"] == "contract")
    assert sorted(contract["levels"]) == ["Month-to-month", "One year", "Two year"]
    assert refused_fields(api.get("/v1/feature-schema", params={"churn_kind": "downgrade"}))


def test_a_model_has_a_card_that_says_what_it_was_made_from(api: httpx.Client) -> None:
    listed = api.get("/v1/models").json()["items"]
    assert [model["active"] for model in listed] == [True]
    card = api.get(f"/v1/models/{listed[0]['name']}/versions/{listed[0]['version']}").json()

    assert listed[0].items() <= card.items()
    assert card["manifest"]["files"]["model.onnx"] == card["sha256"]
    assert card["manifest"]["files"].keys() == {"model.onnx", "report.html", "report.json"}
    assert 0.8 < card["manifest"]["metrics"]["auroc"] < 0.88
    assert "stands in for port_out" in card["manifest"]["label_note"]
    assert datetime.fromisoformat(card["trained_at"]).tzinfo


@pytest.mark.parametrize(
    "path", ["nothing/versions/20261031-0123456789ab", "churn/versions/20261031-0123456789ab", "churn/versions/.."]
)
def test_an_unknown_model_is_not_found(api: httpx.Client, path: str) -> None:
    problem(api.get(f"/v1/models/{path.replace('..', '%2e%2e')}"), 404)
