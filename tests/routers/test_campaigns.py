"""Campaigns: defined, started for a segment, measured against their holdout, and remembered."""

import csv
import io
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import psycopg
import pytest

from app.domain.decisions.holdout import draw
from tests.factories import campaigns
from tests.factories.answers import problem, refused_fields
from tests.factories.bodies import question
from tests.factories.campaigns import evaluation, make, members, move, people, start
from tests.factories.contacts import moments_ago
from tests.factories.subscribers import subscriber

ACTION = "plan_review_call"


def test_a_campaign_is_a_draft_until_it_is_started(api: httpx.Client) -> None:
    region, _ = people(api, 1)
    made = make(api, region)
    problem(api.get(f"/v1/campaigns/{made['id']}/evaluation"), 409)
    changed = api.patch(f"/v1/campaigns/{made['id']}", json={"holdout_share": 0.5}, headers={"if-match": '"1"'})

    assert (made["state"], made["enrolled"], made["result"]) == ("draft", 0, None)
    assert changed.json()["holdout_share"] == 0.5
    assert api.get(f"/v1/campaigns/{made['id']}").json() == changed.json()
    assert (
        api.get("/v1/campaigns", params={"state": "draft", "q": "plan SPRING"}).json()["items"][0]["id"] == made["id"]
    )


def test_starting_enrols_the_segment_and_each_keeps_their_arm(api: httpx.Client) -> None:
    region, ids = people(api, 16)
    subscriber(api, region=region, status="churned")
    made = make(api, region, holdout_share=0.5)
    started = start(api, made["id"])
    arms = members(api, made["id"])

    assert (started["state"], started["enrolled"], started["overlapping"]) == ("running", 16, 0)
    assert arms == {id: "holdout" if draw(id, made["id"]) < 0.5 else ACTION for id in ids}
    assert set(arms.values()) == {"holdout", ACTION}


def test_a_segment_is_made_of_attributes_and_features(api: httpx.Client) -> None:
    region, ids = people(api, 3, value_tier="gold")
    people_of_silver = subscriber(api, region=region, value_tier="silver")
    old = {"tenure_months": 60, "contract": "Two year"}
    assert api.put(f"/v1/subscribers/{ids[0]}/snapshots/2026-11-01", json={"features": old}).is_success
    wanted = [
        {"feature": "tenure_months", "minimum": 12, "maximum": 60},
        {"feature": "contract", "levels": ["Two year"]},
    ]
    made = make(api, region, segment={"region": [region], "value_tier": ["gold"], "features": wanted})

    assert start(api, made["id"])["enrolled"] == 1
    assert people_of_silver not in members(api, made["id"])


def test_nobody_is_in_two_campaigns_at_a_time(api: httpx.Client) -> None:
    region, ids = people(api, 4)
    first = make(api, region)
    start(api, first["id"])
    ids.append(subscriber(api, region=region))
    second = make(api, region)

    started = start(api, second["id"])
    assert (started["enrolled"], started["overlapping"]) == (1, 4)
    assert set(members(api, first["id"])) == set(ids[:4])
    third = make(api, region)
    assert "another running campaign" in problem(move(api, third["id"], "running"), 422)["errors"][0]["detail"]
    assert move(api, first["id"], "ended").is_success
    assert start(api, third["id"])["enrolled"] == 4


def test_the_held_out_are_not_offered_it_and_the_others_may_be(api: httpx.Client) -> None:
    region, _ = people(api, 12)
    made = make(api, region, holdout_share=0.5)
    start(api, made["id"])
    for id, arm in members(api, made["id"]).items():
        decision = api.post("/v1/decisions", json=question(id)).json()
        entry = next(one for one in decision["trace"] if one["action"] == ACTION)
        if arm == "holdout":
            assert (entry["code"], decision["arm"]) == ("HELD_OUT", "holdout")
            assert made["id"] in entry["reason"]
            assert ACTION not in {action["code"] for action in decision["actions"]}
        else:
            assert entry["code"] != "HELD_OUT"


def test_a_member_of_one_arm_is_not_given_the_action_of_another(api: httpx.Client) -> None:
    region, _ = people(api, 10)
    actions = [ACTION, "retention_specialist"]
    made = make(api, region, actions=actions, holdout_share=0.0)
    start(api, made["id"])
    arms = members(api, made["id"])
    assert set(arms.values()) == set(actions)
    for id, arm in arms.items():
        decision = api.post("/v1/decisions", json=question(id)).json()
        assert not {action["code"] for action in decision["actions"]} & (set(actions) - {arm})


def test_the_effect_is_measured_against_the_holdout(api: httpx.Client, store: psycopg.Connection) -> None:
    """Requirements E22, E23: most of those held out leave, and of those treated nobody does."""
    region, _ = people(api, 60)
    made = make(api, region, holdout_share=0.5)
    start(api, made["id"])
    store.execute(
        "UPDATE campaign_members SET enrolled_at = enrolled_at - interval '10 days' WHERE campaign_id = %s",
        [made["id"]],
    )
    store.execute("UPDATE campaigns SET started_at = started_at - interval '10 days' WHERE id = %s", [made["id"]])
    arms = members(api, made["id"])
    held, treated = ([id for id, arm in arms.items() if (arm == "holdout") is out] for out in (True, False))
    for id in held[:20]:
        leave(api, id)
    accept(api, treated[0])
    found = evaluation(api, made["id"])

    assert found["verdict"] == "works"
    assert found["effect"]["value"] == pytest.approx(20 / len(held))
    assert found["effect"]["low"] > 0
    assert {arm["arm"]: (arm["members"], arm["left"]) for arm in found["arms"]} == {
        "holdout": (len(held), 20),
        ACTION: (len(treated), 0),
    }
    assert [day["day"] for day in found["over_time"]] == list(range(11))
    assert found["over_time"][9]["value"] == 0
    assert found["over_time"][10]["value"] == pytest.approx(found["effect"]["value"])
    assert (found["participation"]["answered"], found["participation"]["accepted"]) == (1, 1)
    # 6.00 for the contact, 2.00 for the acceptance, 2.00 a month given away over 90 days
    assert found["roi"]["cost_in"] == "14.00"
    margin = float(found["roi"]["margin_per_member"])
    assert margin == pytest.approx(94.4 * 0.6 * 3, abs=0.01)
    assert float(found["roi"]["value_out"]) == pytest.approx(found["effect"]["value"] * len(treated) * margin, rel=1e-4)
    assert found["roi"]["roi"] == pytest.approx(float(found["roi"]["value_out"]) / 14, rel=1e-4)
    assert found["roi"]["roi_low"] < found["roi"]["roi"] < found["roi"]["roi_high"]
    assert {(one["attribute"], one["value"]) for one in found["segments"]} == {("region", region)}


def test_a_month_without_an_answer_is_said_to_be_missing(api: httpx.Client, store: psycopg.Connection) -> None:
    """Requirement E24."""
    region, ids = people(api, 2)
    made = make(api, region, holdout_share=0.0)
    start(api, made["id"])
    today = datetime.now(UTC).date()
    ended = today - timedelta(days=80)
    store.execute(
        "UPDATE campaigns SET starts_on = %s, ends_on = %s WHERE id = %s",
        [ended - timedelta(days=5), ended, made["id"]],
    )
    answered = (datetime.now(UTC) - timedelta(days=70)).isoformat()
    answer(api, ids[0], answered)
    readings = evaluation(api, made["id"])["satisfaction"]

    assert [reading["state"] for reading in readings] == ["measured", "missing", "not_due"]
    assert (readings[0]["answers"], readings[0]["treated"]) == (1, pytest.approx(0.8))
    assert readings[1]["treated"] is None


def test_a_campaign_that_has_ended_is_found_with_its_result(api: httpx.Client) -> None:
    """Requirements E27, E28."""
    region, _ = people(api, 3)
    made = make(api, region, goal=f"Win back the fans of {region}")
    start(api, made["id"])
    ended = move(api, made["id"], "ended").json()
    planned = make(api, region, goal=f"Again: win back the fans of {region}")
    similar = api.get(f"/v1/campaigns/{planned['id']}/similar").json()["items"]
    found = api.get("/v1/campaigns", params={"q": region, "verdict": "not_enough_data", "action": ACTION}).json()

    assert ended["result"]["verdict"] == "not_enough_data"
    assert [item["id"] for item in found["items"]] == [made["id"]]
    assert similar[0]["campaign"]["id"] == made["id"]
    assert similar[0]["campaign"]["result"]["roi"]["cost_in"] == "0.00"
    assert 0.9 < similar[0]["likeness"] <= 1
    problem(move(api, made["id"], "running"), 409)
    refused = api.patch(f"/v1/campaigns/{made['id']}", json={"goal": "Another"}, headers={"if-match": "*"})
    assert "keeps what it was defined as" in problem(refused, 409)["detail"]


def test_the_recovered_are_compared_with_those_who_never_complained(api: httpx.Client) -> None:
    """Requirement K13."""
    region, ids = people(api, 3)
    made = make(api, region, holdout_share=0.0)
    start(api, made["id"])
    leave(api, ids[0])
    recovery = evaluation(api, made["id"])["recovery"]
    assert (recovery["never_failed"], recovery["never_failed_left"], recovery["recovered"]) == (3, 1, 0)
    assert recovery["fewer_leave"] is None


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"actions": ["network_repair"]}, "/actions/0"),
        ({"actions": [ACTION, "no_such_action"]}, "/actions/1"),
        ({"actions": []}, "/actions"),
        ({"holdout_share": 1}, "/holdout_share"),
        ({"starts_on": "2027-01-02", "ends_on": "2027-01-01"}, ""),
        ({"segment": {"features": [{"feature": "tenure_months"}]}}, "/segment/features/0"),
        ({"segment": {"features": [{"feature": "shoe_size", "minimum": 40}]}}, "/segment/features/0/feature"),
        ({"segment": {"planet": ["mars"]}}, "/segment/planet"),
    ],
)
def test_a_campaign_that_cannot_be_is_refused_by_its_field(
    api: httpx.Client, wrong: dict[str, object], field: str
) -> None:
    assert refused_fields(api.post("/v1/campaigns", json=campaigns.campaign("nowhere") | wrong)) == {field}


def test_a_campaign_nobody_fits_is_not_started(api: httpx.Client) -> None:
    made = make(api, "a region without people")
    assert problem(move(api, made["id"], "running"), 422)["errors"] == [
        {"pointer": "/segment", "detail": "fits nobody"}
    ]
    assert api.get(f"/v1/campaigns/{made['id']}").json()["state"] == "draft"
    problem(api.get(f"/v1/campaigns/{uuid4()}"), 404)


def began_earlier(store: psycopg.Connection, campaign_id: str) -> None:
    """Let the campaign have begun ten days ago."""
    earlier = "SET {0} = {0} - interval '10 days' WHERE {1} = %s"
    store.execute(f"UPDATE campaign_members {earlier.format('enrolled_at', 'campaign_id')}", [campaign_id])
    store.execute(f"UPDATE campaigns {earlier.format('started_at', 'id')}", [campaign_id])


def leave(api: httpx.Client, subscriber_id: str) -> None:
    changed = api.patch(f"/v1/subscribers/{subscriber_id}", json={"status": "churned"}, headers={"if-match": "*"})
    assert changed.is_success, changed.text


def accept(api: httpx.Client, subscriber_id: str) -> None:
    decision = api.post("/v1/decisions", json=question(subscriber_id, limit=10)).json()
    said = {"action": ACTION, "outcome": "accepted", "occurred_at": moments_ago(seconds=0)}
    told = api.post(f"/v1/decisions/{decision['decision_id']}/outcomes", json=said)
    assert told.status_code == 201, told.text


def answer(api: httpx.Client, subscriber_id: str, answered_at: str) -> None:
    said = {
        "family": "internal",
        "survey": "after-service",
        "subscriber_id": subscriber_id,
        "touchpoint": "callback",
        "channel": "call",
        "answered_at": answered_at,
        "scale_max": 10,
        "answers": [{"item": "solved", "dimension": "reliability", "score": 8}],
    }
    told = api.post("/v1/survey-responses", json=said)
    assert told.status_code == 201, told.text


def test_the_table_for_bi_says_what_the_results_say(api: httpx.Client) -> None:
    """Requirement E29: the totals are equal."""
    region, _ = people(api, 12)
    made = make(api, region, holdout_share=0.5, name="For BI")
    start(api, made["id"])
    ended = move(api, made["id"], "ended").json()
    report = api.get("/v1/reports/campaigns").json()["items"]
    table = api.get("/v1/reports/campaigns", headers={"accept": "text/csv"})
    rows = [row for row in csv.DictReader(io.StringIO(table.text)) if row["campaign_id"] == made["id"]]

    assert [row["arm"] for row in report if row["campaign_id"] == made["id"]] == [row["arm"] for row in rows]
    assert sum(int(row["members"]) for row in rows) == ended["enrolled"] == 12
    assert {row["verdict"] for row in rows} == {ended["result"]["verdict"]}
