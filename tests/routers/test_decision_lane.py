"""Decisions that are asked for together are made together, and each is answered as if it had been asked for alone."""

from collections import Counter
from typing import Any

import httpx
import psycopg
import pytest

from app.domain.access import SCOPES, Purpose
from tests.conftest import make_key
from tests.factories.answers import problem, refused_fields
from tests.factories.bodies import at_once, decide, question
from tests.factories.contacts import call, complaint
from tests.factories.subscribers import LEAVING, STAYING, subscriber
from tests.service import Service, eventually

PATH = "/v1/decisions"
# What is said to be for a purpose is left to the route; this one changes nothing else.
BY_THE_ROUTE = {"X-Purpose": Purpose.UNSTATED.value}
OWN = ("decision_id", "subscriber_id", "decided_at")


def decisions_of(store: psycopg.Connection, *subscriber_ids: str) -> int:
    query = "SELECT count(*) FROM decisions JOIN subscribers USING (pseudonym) WHERE subscriber_id = ANY(%s)"
    found = store.execute(query, [list(subscriber_ids)]).fetchone()
    assert found
    return int(found[0])


@pytest.fixture
def people(api: httpx.Client) -> list[str]:
    return [subscriber(api, features=LEAVING) for _ in range(24)]


PEOPLE: dict[str, dict[str, Any]] = {
    "a likely churner": {"features": LEAVING},
    "one who stays": {"features": STAYING},
    "nothing known": {},
    "refuses profiling": {"features": LEAVING, "consents": {"profiling": False}},
    "refuses marketing": {"features": LEAVING, "consents": {"marketing": False}},
    "has left": {"features": LEAVING, "status": "churned"},
    "has an owner": {"features": LEAVING, "owner": "agent-9", "timezone": "Asia/Shanghai"},
}
QUESTIONS: dict[str, dict[str, Any]] = {
    "a call": {},
    "our own call": {"direction": "outbound"},
    "by SMS, for an owner": {"channel": "sms", "direction": "outbound", "owner": "agent-1"},
    "one action": {"limit": 1},
    "with a context": {"context": {"page": "套餐", "minutes": 3}},
}


@pytest.mark.parametrize("asked", QUESTIONS.values(), ids=QUESTIONS)
@pytest.mark.parametrize("known", PEOPLE.values(), ids=PEOPLE)
def test_it_is_decided_and_answered_as_by_the_route(
    api: httpx.Client, known: dict[str, Any], asked: dict[str, Any]
) -> None:
    one, other = subscriber(api, **known), subscriber(api, **known)
    lane = api.post(PATH, json=question(one, **asked))
    route = api.post(PATH, json=question(other, **asked), headers=BY_THE_ROUTE)

    assert (lane.status_code, route.status_code) == (201, 201), (lane.text, route.text)
    assert lane.headers.keys() == route.headers.keys()
    told, also_told = lane.json(), route.json()
    assert list(told) == list(also_told)
    # Whom the holdout names is told by the id, so that only those in the same arm can be compared.
    if told["arm"] == also_told["arm"]:
        assert {k: v for k, v in told.items() if k not in OWN} == {k: v for k, v in also_told.items() if k not in OWN}
    assert api.get(lane.headers["location"]).json() == told
    assert api.post(f"{lane.headers['location']}/replay").json()["identical"]


def test_many_at_once_are_each_decided_once(api: httpx.Client, people: list[str], store: psycopg.Connection) -> None:
    send = lambda number: api.post(  # noqa: E731
        PATH, json=question(people[number]), headers={"idempotency-key": f"lane {people[number]}"}
    )
    first, again = at_once(24, send), at_once(24, send)

    assert [answer.status_code for answer in first] == [201] * 24
    assert [answer.json()["subscriber_id"] for answer in first] == people
    assert decisions_of(store, *people) == 24
    assert [answer.content for answer in again] == [answer.content for answer in first]
    assert {answer.headers["idempotent-replayed"] for answer in again} == {"true"}


def test_of_one_person_at_once_one_decision_is_made(api: httpx.Client, store: psycopg.Connection) -> None:
    """Requirement J12."""
    person = subscriber(api, features=LEAVING)
    answers = at_once(24, lambda _: api.post(PATH, json=question(person)))

    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 23}
    assert len({answer.json()["decision_id"] for answer in answers}) == 1
    assert decisions_of(store, person) == 1


def test_of_two_ids_of_one_person_the_second_knows_of_the_first(api: httpx.Client, store: psycopg.Connection) -> None:
    person, duplicate = subscriber(api, features=LEAVING), subscriber(api, features=LEAVING)
    api.post(f"/v1/subscribers/{person}/merges", json={"duplicate_id": duplicate}).raise_for_status()
    asked = [
        question(person, direction="outbound", owner="agent-1"),
        question(duplicate, direction="outbound", owner="agent-2"),
    ]
    answers = at_once(16, lambda number: api.post(PATH, json=asked[number % 2]))
    assert all(answer.is_success for answer in answers)

    # The right to call them that one agent was given is not given to the other, by whichever of the ids.
    decided = {answer.json()["decision_id"]: answer.json() for answer in answers}
    assert len(decided) == decisions_of(store, person, duplicate) == 2
    assert sum(bool(decision["actions"]) for decision in decided.values()) == 1


def test_who_is_refused_is_refused_alone(api: httpx.Client, people: list[str]) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"subscriber_id": "nobody-at-all"}, "/subscriber_id"),
        ({"channel": "pigeon"}, "/channel"),
        ({"limit": 0}, "/limit"),
    ]
    changes = [wrong[number % 6 // 2][0] if number % 2 else {} for number in range(24)]
    answers = at_once(24, lambda number: api.post(PATH, json=question(people[number]) | changes[number]))

    for number, answer in enumerate(answers):
        if number % 2:
            assert refused_fields(answer) == {wrong[number % 6 // 2][1]}
        else:
            assert answer.status_code == 201, answer.text


def test_whom_the_store_refuses_does_not_fail_the_others(
    api: httpx.Client, people: list[str], store: psycopg.Connection
) -> None:
    store.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '22003'; END $$"
    )
    store.execute(
        "CREATE TRIGGER refuse BEFORE INSERT ON decisions FOR EACH ROW WHEN (NEW.channel = 'web')"
        " EXECUTE FUNCTION refuse()"
    )
    channels = ["web" if number % 8 == 0 else "app" for number in range(24)]
    try:
        answers = at_once(24, lambda number: api.post(PATH, json=question(people[number], channel=channels[number])))
    finally:
        store.execute("DROP FUNCTION refuse CASCADE")

    assert [answer.status_code for answer in answers] == [422 if channel == "web" else 201 for channel in channels]
    assert decisions_of(store, *people) == 21


def test_of_one_key_at_once_one_is_made(api: httpx.Client, people: list[str], store: psycopg.Connection) -> None:
    headers = {"idempotency-key": f"lane once {people[0]}"}
    answers = at_once(24, lambda number: api.post(PATH, json=question(people[number % 2]), headers=headers))

    assert decisions_of(store, *people) == 1
    for answer in answers:
        if not answer.is_success:
            problem(answer, 409 if answer.status_code == 409 else 422)


def test_each_is_noted_in_the_log_of_accesses_under_its_own_request(api: httpx.Client, people: list[str]) -> None:
    answers = at_once(12, lambda number: api.post(PATH, json=question(people[number])))

    def noted(number: int) -> set[str]:
        items = api.get(f"/v1/subscribers/{people[number]}/accesses", params={"limit": 100}).json()["items"]
        return {item["request_id"] for item in items if item["operation"] == "decide"}

    eventually(lambda: all(noted(n) == {answers[n].headers["x-request-id"]} for n in range(12)))


def test_callers_at_once_speak_for_their_own_agents(service: Service, people: list[str]) -> None:
    keys = [make_key(service.settings, SCOPES, agent_id=f"agent-lane-{number}") for number in range(2)]
    answers = at_once(
        24,
        lambda number: service.client.post(
            PATH,
            json=question(people[number], direction="outbound", owner="agent-lane-0"),
            headers={"authorization": f"Bearer {keys[number % 2]}"},
        ),
    )

    assert [answer.status_code for answer in answers] == [201, 403] * 12


def test_what_is_new_is_known_at_the_next_decision(api: httpx.Client) -> None:
    person = subscriber(api, features=LEAVING)
    before = decide(api, person)
    api.post("/v1/complaints", json=complaint(person)).raise_for_status()
    after = decide(api, person)

    assert after["decision_id"] != before["decision_id"]
    api.post("/v1/interactions", json=call(person)).raise_for_status()
    assert decide(api, person)["decision_id"] != after["decision_id"]


def test_there_are_groups(flights: list[int], api: httpx.Client, people: list[str]) -> None:
    """So that the tests above speak of what they say: of many at once some do go together."""
    at_once(24, lambda number: api.post(PATH, json=question(people[number])))

    assert sum(flights) == 24
    assert 1 < max(flights) <= 8
