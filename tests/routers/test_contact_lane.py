"""Contacts that arrive together are committed together, and each is answered as if it had come alone."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import httpx
import psycopg
import pytest

from app.domain.access import SCOPES, Purpose
from tests.conftest import make_key
from tests.factories.answers import not_now, problem, refused_fields
from tests.factories.bodies import at_once
from tests.factories.contacts import call, moments_ago
from tests.factories.subscribers import subscriber
from tests.service import Service, eventually

PATH = "/v1/interactions"
# What is said to be for a purpose is left to the route; this one changes nothing else.
BY_THE_ROUTE = {"X-Purpose": Purpose.UNSTATED.value}
OWN = ("id", "recorded_at")


def rows_of(store: psycopg.Connection, subscriber_id: str) -> int:
    found = store.execute("SELECT count(*) FROM interactions WHERE subscriber_id = %s", [subscriber_id]).fetchone()
    assert found
    return int(found[0])


@contextmanager
def refusing(store: psycopg.Connection, code: str) -> Iterator[None]:
    """Have the store refuse contacts that are rated 7."""
    store.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END $$".encode()
    )
    store.execute(
        "CREATE TRIGGER refuse BEFORE INSERT ON interactions FOR EACH ROW WHEN (NEW.rating = 7)"
        " EXECUTE FUNCTION refuse()"
    )
    try:
        yield
    finally:
        store.execute("DROP FUNCTION refuse CASCADE")


BODIES: dict[str, dict[str, Any]] = {
    "a call": {},
    "all that can be said": {
        "need": "billing",
        "phase": "after_sale",
        "agent_id": "agent-1",
        "rating": 10,
        "sentiment": "negative",
        "agent_sentiment": "neutral",
        "duration_seconds": 240,
        "visit": "visit-lane",
        "order_outcome": "refused",
        "refusal_reason": "no_port",
    },
    "another script": {"reason": "账单比上个月高", "request": "请解释漫游费"},
    "signs that JSON escapes": {"reason": 'a "quote" \\ and a\ttab', "request": "é"},
    "somewhere else": {"channel": "app", "touchpoint": "app_selfcare", "reason": None, "request": None},
    "a time with an offset": {"occurred_at": "2026-10-31T09:30:00.5+08:00"},
    "a plan to leave": {"need": "leave"},
}


@pytest.mark.parametrize("change", BODIES.values(), ids=BODIES)
def test_it_is_answered_and_stored_as_by_the_route(api: httpx.Client, change: dict[str, Any]) -> None:
    known = subscriber(api)
    body = call(known) | change
    lane, route = api.post(PATH, json=body), api.post(PATH, json=body, headers=BY_THE_ROUTE)

    assert (lane.status_code, route.status_code) == (201, 201), (lane.text, route.text)
    assert lane.headers.keys() == route.headers.keys()
    assert lane.headers["location"] == f"{PATH}/{lane.json()['id']}"
    first, second = lane.json(), route.json()
    assert list(first) == list(second)
    assert {n: v for n, v in first.items() if n not in OWN} == {n: v for n, v in second.items() if n not in OWN}
    read = api.get(lane.headers["location"]).json()
    assert datetime.fromisoformat(read.pop("occurred_at")) == datetime.fromisoformat(first["occurred_at"])
    assert read == {name: value for name, value in first.items() if name != "occurred_at"}
    tasks = api.get("/v1/tasks", params={"subscriber_id": known}).json()["items"]
    assert Counter(task["source_id"] for task in tasks) in ({}, {first["id"]: 1, second["id"]: 1})


def test_many_at_once_are_each_recorded_once(api: httpx.Client, store: psycopg.Connection) -> None:
    known = subscriber(api)
    bodies = [call(known, reason=f"reason {number}") for number in range(64)]
    send = lambda number: api.post(PATH, json=bodies[number], headers={"idempotency-key": f"lane {known} {number}"})  # noqa: E731
    first, again = at_once(64, send), at_once(64, send)

    assert [answer.status_code for answer in first] == [201] * 64
    assert [answer.json()["reason"] for answer in first] == [body["reason"] for body in bodies]
    assert len({answer.json()["id"] for answer in first}) == rows_of(store, known) == 64
    assert [answer.content for answer in again] == [answer.content for answer in first]
    assert {answer.headers["idempotent-replayed"] for answer in again} == {"true"}


def test_each_is_noted_in_the_log_of_accesses_under_its_own_request(api: httpx.Client) -> None:
    known = subscriber(api)
    answers = at_once(16, lambda _: api.post(PATH, json=call(known)))

    def noted() -> set[str]:
        items = api.get(f"/v1/subscribers/{known}/accesses", params={"limit": 100}).json()["items"]
        return {item["request_id"] for item in items if item["operation"] == "record_interaction"}

    eventually(lambda: noted() == {answer.headers["x-request-id"] for answer in answers})


def test_who_is_refused_is_refused_alone(api: httpx.Client, store: psycopg.Connection) -> None:
    known = subscriber(api)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"subscriber_id": "nobody-at-all"}, "/subscriber_id"),
        ({"touchpoint": "nowhere"}, "/touchpoint"),
        ({"occurred_at": moments_ago(seconds=-3600)}, "/occurred_at"),
        ({"mood": "good"}, "/mood"),
    ]
    changes = [wrong[number % 8 // 2][0] if number % 2 else {} for number in range(40)]
    answers = at_once(40, lambda number: api.post(PATH, json=call(known) | changes[number]))

    for number, answer in enumerate(answers):
        if number % 2:
            assert refused_fields(answer) == {wrong[number % 8 // 2][1]}
        else:
            assert answer.status_code == 201, answer.text
    assert rows_of(store, known) == 20


def test_whom_the_store_refuses_does_not_fail_the_others(api: httpx.Client, store: psycopg.Connection) -> None:
    known = subscriber(api)
    with refusing(store, "22003"):
        answers = at_once(32, lambda number: api.post(PATH, json=call(known, rating=7 if number % 8 == 0 else 8)))

    assert [answer.status_code for answer in answers] == [422 if number % 8 == 0 else 201 for number in range(32)]
    assert rows_of(store, known) == 28


def test_of_one_key_at_once_one_is_recorded(api: httpx.Client, store: psycopg.Connection) -> None:
    known = subscriber(api)
    body = call(known)
    answers = at_once(32, lambda _: api.post(PATH, json=body, headers={"idempotency-key": f"lane once {known}"}))

    assert rows_of(store, known) == 1
    assert len({answer.content for answer in answers if answer.is_success}) == 1
    for answer in answers:
        if not answer.is_success:
            problem(answer, 409)


def test_a_key_of_the_lane_is_a_key_of_the_route(api: httpx.Client) -> None:
    body = call(subscriber(api))
    key = [(b"idempotency-key", "ключ lane".encode())]
    first = api.post(PATH, json=body, headers=key)
    again = api.post(PATH, json=body, headers=[*key, (b"x-purpose", Purpose.UNSTATED.value.encode())])

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"
    other = api.post(PATH, json=body | {"rating": 3}, headers=key)
    assert refused_fields(other) == {"/header/idempotency-key"}


def test_a_reference_at_once_stands_for_one_contact(api: httpx.Client, store: psycopg.Connection) -> None:
    known = subscriber(api)
    body = call(known, client_reference=f"lane-{known}")
    answers = at_once(16, lambda _: api.post(PATH, json=body))

    assert rows_of(store, known) == 1
    assert {answer.status_code for answer in answers} == {200, 201}
    assert len({answer.json()["id"] for answer in answers}) == 1


def test_callers_at_once_are_not_mistaken_for_each_other(service: Service, store: psycopg.Connection) -> None:
    known = subscriber(service.client)
    keys = [make_key(service.settings, SCOPES, agent_id=f"agent-lane-{number}") for number in range(3)]
    answers = at_once(
        30,
        lambda number: service.client.post(
            PATH, json=call(known), headers={"authorization": f"Bearer {keys[number % 3]}"}
        ),
    )

    assert [answer.json()["agent_id"] for answer in answers] == [f"agent-lane-{number % 3}" for number in range(30)]
    assert rows_of(store, known) == 30


def test_nothing_is_recorded_of_what_was_answered_to_come_again(
    service: Service, api: httpx.Client, store: psycopg.Connection
) -> None:
    """While nobody can write, those in line are told so in time; and that is then the truth."""
    known = subscriber(api)
    with psycopg.connect(service.settings.database_url.get_secret_value()) as holding:
        holding.execute("LOCK TABLE interactions IN ACCESS EXCLUSIVE MODE")
        answers = at_once(60, lambda _: api.post(PATH, json=call(known), timeout=10))
    for answer in answers:
        not_now(answer)
        assert answer.elapsed.total_seconds() < service.settings.deadline_seconds + 1

    assert api.post(PATH, json=call(known)).status_code == 201
    assert rows_of(store, known) == 1


def test_there_are_groups(flights: list[int], api: httpx.Client) -> None:
    """So that the tests above speak of what they say: of many at once some do go together."""
    known = subscriber(api)
    at_once(64, lambda _: api.post(PATH, json=call(known)))

    assert sum(flights) == 64
    assert max(flights) > 1
