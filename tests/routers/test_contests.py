"""Whoever does not accept a decision has a human look at it, and is meanwhile offered what everybody is."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import psycopg

from tests.factories.answers import problem
from tests.factories.bodies import question
from tests.factories.subscribers import LEAVING, STAYING, subscriber
from tests.factories.tables import where_found


def decided(api: httpx.Client, **features: Any) -> Any:
    return api.post("/v1/decisions", json=question(subscriber(api, features=LEAVING | features))).json()


def test_a_human_looks_at_it_within_three_days(api: httpx.Client) -> None:
    decision = decided(api)
    answer = api.post(f"/v1/decisions/{decision['decision_id']}/contest", json={"reason": "Unfair", "owner": "anna"})
    found = answer.json()
    [task] = [
        task
        for task in api.get("/v1/tasks", params={"subscriber_id": decision["subscriber_id"]}).json()["items"]
        if task["kind"] == "review"
    ]

    assert answer.status_code == 201
    assert (found["reason"], found["owner"], found["decision_id"]) == ("Unfair", "anna", decision["decision_id"])
    due = datetime.fromisoformat(found["due_at"]) - datetime.fromisoformat(found["contested_at"])
    assert due == timedelta(hours=72)
    assert (task["id"], task["owner"], task["status"]) == (found["task_id"], "anna", "open")


def test_the_alternative_weighs_nobody(api: httpx.Client) -> None:
    """GDPR article 22, PIPL article 24: without the person's own data."""
    alternatives = [
        api.post(f"/v1/decisions/{decision['decision_id']}/contest", json={}).json()["alternative"]
        for decision in (decided(api), decided(api, **STAYING))
    ]
    offers = {a["code"] for a in api.get("/v1/actions?limit=200").json()["items"] if a["kind"] == "offer"}

    assert alternatives[0] == alternatives[1] != []
    assert not offers & {action["code"] for action in alternatives[0]}
    assert all(action["say"] for action in alternatives[0])


def test_once_is_enough(api: httpx.Client) -> None:
    path = f"/v1/decisions/{decided(api)['decision_id']}/contest"
    first, second = api.post(path, json={"reason": "Unfair"}), api.post(path, json={})
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()


def test_what_they_said_is_stored_sealed(api: httpx.Client, store: psycopg.Connection) -> None:
    api.post(f"/v1/decisions/{decided(api)['decision_id']}/contest", json={"reason": "A canary in a contest"})
    assert where_found(store, "A canary in a contest") == set()


def test_a_decision_that_is_not_there_cannot_be_contested(api: httpx.Client) -> None:
    problem(api.post("/v1/decisions/01a200e5-1bcf-7a83-9b61-5a26ac00dfee/contest", json={}), 404)
