"""People whom something made unhappy, and what the reports say of them."""

import csv
import io
from typing import Any

import httpx

from tests.factories.contacts import complaint, moments_ago
from tests.factories.subscribers import new_id, subscriber
from tests.factories.surveys import answers

POOL, GOALS = "/v1/reports/pool", "/v1/reports/care-goals"
UNHAPPY = {"item": "solved", "score": 2}
SOLVED = {"status": "resolved", "root_cause": "Cell overloaded", "action_taken": "Second carrier switched on"}
CONFIRMED = {"status": "closed", "subscriber_confirmed": True}
ANALYSED = {"stage": "analysed", "cause": "network", "analysis": "Calls drop on the way to work"}


def asked(api: httpx.Client, path: str, **query: Any) -> Any:
    answer = api.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def table(api: httpx.Client, path: str, **query: Any) -> list[dict[str, str]]:
    answer = api.get(path, params=query, headers={"accept": "text/csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.text)))


def send(api: httpx.Client, path: str, body: dict[str, Any]) -> Any:
    answer = api.post(path, json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def complains(api: httpx.Client, subscriber_id: str, **others: Any) -> Any:
    return send(api, "/v1/complaints", complaint(subscriber_id, **others))


def answers_unhappily(api: httpx.Client, subscriber_id: str, **others: Any) -> Any:
    return send(api, "/v1/survey-responses", answers(subscriber_id, UNHAPPY, **others))


def change(api: httpx.Client, path: str, fact: dict[str, Any], *steps: dict[str, Any]) -> None:
    for step in steps:
        answer = api.patch(f"{path}/{fact['id']}", json=step, headers={"if-match": "*"})
        assert answer.status_code == 200, answer.text


def unhappy_region(api: httpx.Client) -> str:
    """A region with four open cases and a closed one."""
    region = new_id()
    people = [subscriber(api, region=region, brand=brand) for brand in ("gold", "gold", "blue", None, "gold")]
    for person in people[:2]:
        complains(api, person, channel="shop", touchpoint="shop_counter", occurred_at=moments_ago(hours=3))
    answers_unhappily(api, people[1], answered_at=moments_ago(hours=2))
    for _ in range(5):
        answers_unhappily(api, people[2], channel="letter")
    answers_unhappily(api, people[3])
    change(api, "/v1/complaints", complains(api, people[4]), SOLVED, CONFIRMED)
    return region
