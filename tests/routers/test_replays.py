"""A decision can be taken again to the same bytes, whatever became of rules, models and the subscriber since."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest

from app.settings import Settings
from tests.factories.actions import put, retire
from tests.factories.answers import problem
from tests.factories.bodies import decide
from tests.factories.contacts import call, complaint, moments_ago
from tests.factories.subscribers import LEAVING, STAYING, subscriber

CODE = "replayed_action"


@pytest.fixture(autouse=True)
def _retired(api: httpx.Client) -> Iterator[None]:
    yield
    retire(api, CODE)


def replay(api: httpx.Client, decision: Any) -> Any:
    answer = api.post(f"/v1/decisions/{decision['decision_id']}/replay", json={})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_every_kind_of_decision_replays_to_the_same_bytes(api: httpx.Client, rules: dict[str, Any]) -> None:
    """Requirement C19."""
    put(api, CODE, eligibility="context.mood == 'sunny'")
    people = [
        subscriber(api, features=LEAVING, region="east", joined_on="2024-02-29", timezone="Asia/Shanghai"),
        subscriber(api, features=STAYING | {"monthly_charges": 0}),
        subscriber(api, features=LEAVING | {"total_charges": 1e-7, "monthly_charges": 0.1}),
        subscriber(api, features={"tenure_months": 3}),
        subscriber(api),
        subscriber(api, features=LEAVING, status="arrears"),
        subscriber(api, features=LEAVING, value_tier="platinum", locality="floating", owner="anna"),
    ]
    api.post("/v1/interactions", json=call(people[0], sentiment="negative", direction="outbound"))
    api.post("/v1/complaints", json=complaint(people[2], type="network", network_fault_type="slow_data"))
    decisions = [
        decide(api, person, direction=direction, limit=limit, context={"mood": "sunny", "n": 1.5})
        for person in people
        for direction, limit in (("inbound", 10), ("outbound", 1))
    ]
    api.put("/v1/policy", json=rules | {"mood_days": 1, "spend_cap_share": "0.01", "holdout_share": 0.9})
    put(api, CODE, contact_cost="99.00")
    for person in people:
        api.put(f"/v1/subscribers/{person}", json={"region": "west", "status": "churned"})

    for decision in decisions:
        found = replay(api, decision)
        assert found["differences"] == []
        assert found["identical"] is True
        recorded, recomputed = (json.dumps(found[name], sort_keys=True) for name in ("recorded", "recomputed"))
        assert recorded == recomputed
        assert found["recorded"]["trace"] == decision["trace"]


def test_an_answer_that_was_changed_is_told_where(api: httpx.Client, store: psycopg.Connection) -> None:
    decision = decide(api, subscriber(api, features=LEAVING))
    store.execute(
        "UPDATE decisions SET answer = jsonb_set(answer, '{actions,0,expected_value}', '\"9999.00\"') WHERE id = %s",
        [decision["decision_id"]],
    )
    found = replay(api, decision)
    assert (found["identical"], found["differences"]) == (False, ["/actions/0/expected_value"])


def test_what_the_subscriber_says_later_is_not_in_it(api: httpx.Client) -> None:
    leaver = subscriber(api, features=LEAVING)
    decision = decide(api, leaver)
    told = {"action": decision["actions"][0]["code"], "outcome": "declined", "occurred_at": moments_ago()}
    api.post(f"/v1/decisions/{decision['decision_id']}/outcomes", json=told)
    assert replay(api, decision)["identical"]


def test_the_model_of_that_time_decides_again(api: httpx.Client, settings: Settings, store: psycopg.Connection) -> None:
    decision = decide(api, subscriber(api, features=LEAVING))
    store.execute(
        "UPDATE decisions SET answer = jsonb_set(answer, '{score,model,version}', '\"gone\"'),"
        " inputs = inputs WHERE id = %s",
        [decision["decision_id"]],
    )
    assert replay(api, decision)["differences"] == ["/score/model/version"]
    store.execute(
        "UPDATE decisions SET answer = jsonb_set(answer, '{score,model,sha256}', '\"00\"') WHERE id = %s",
        [decision["decision_id"]],
    )
    problem(api.post(f"/v1/decisions/{decision['decision_id']}/replay"), 409)
    assert settings.models_dir.is_dir()


def test_of_an_erased_subscriber_nothing_is_decided_again(api: httpx.Client) -> None:
    leaver = subscriber(api, features=LEAVING)
    decision = decide(api, leaver)
    api.delete(f"/v1/subscribers/{leaver}")
    problem(api.post(f"/v1/decisions/{decision['decision_id']}/replay"), 410)


def test_a_decision_that_is_not_there_is_not_found(api: httpx.Client) -> None:
    problem(api.post("/v1/decisions/01a200e5-1bcf-7a83-9b61-5a26ac00dfee/replay", json={}), 404)
