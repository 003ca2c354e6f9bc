"""Who read or changed what of whom: a change is noted with it, a reading a moment later, and nothing else is."""

import time
from collections.abc import Callable
from typing import Any

import httpx
import psycopg
import pytest

from app.domain.access import Purpose
from app.services import access_entries
from app.services.access_entries import MOST_WAITING
from app.settings import Settings
from tests.conftest import make_settings, serving
from tests.factories.answers import problem, refused_fields
from tests.factories.contacts import call
from tests.factories.subscribers import LEAVING, subscriber
from tests.service import Service

Entry = dict[str, Any]


@pytest.fixture
def noted(api: httpx.Client) -> Callable[[str], list[Entry]]:
    """What is noted of a person, the latest first; not that it was asked."""

    def ask(subscriber_id: str) -> list[Entry]:
        items = api.get(f"/v1/subscribers/{subscriber_id}/accesses").raise_for_status().json()["items"]
        return [item for item in items if item["operation"] != "list_accesses"]

    return ask


def soon(noted: Callable[[str], list[Entry]], subscriber_id: str, operation: str) -> Entry:
    """Wait for an entry of this operation to be written."""
    give_up = time.monotonic() + 5
    while time.monotonic() < give_up:
        if found := [entry for entry in noted(subscriber_id) if entry["operation"] == operation]:
            return found[0]
        time.sleep(0.1)
    raise TimeoutError(operation)


def test_a_change_is_noted_with_it(api: httpx.Client, noted: Callable[[str], list[Entry]]) -> None:
    person = subscriber(api)
    made = api.post("/v1/interactions", json=call(person), headers={"x-purpose": "care"})
    entry = noted(person)[0]
    assert (entry["operation"], entry["status"], entry["purpose"]) == ("record_interaction", 201, "care")
    assert entry["request_id"] == made.headers["x-request-id"]
    assert entry["caller"] == "test"
    assert [each["operation"] for each in noted(person)] == ["record_interaction", "put_subscriber"]


def test_a_reading_is_noted_a_moment_later(api: httpx.Client, noted: Callable[[str], list[Entry]]) -> None:
    person = subscriber(api, features=LEAVING)
    read = {
        "get_overview": f"/v1/subscribers/{person}/overview",
        "get_subscriber": f"/v1/subscribers/{person}",
        "list_interactions": f"/v1/interactions?subscriber_id={person}",
    }
    for operation, path in read.items():
        seen = api.get(path, headers={"x-purpose": "audit"})
        entry = soon(noted, person, operation)
        assert entry["request_id"] == seen.headers["x-request-id"]
        assert entry["purpose"] == "audit"


def test_whoever_stands_in_a_list_was_read(api: httpx.Client, noted: Callable[[str], list[Entry]]) -> None:
    phone = {"phone": "+8613922223333"}
    people = [subscriber(api, contact=phone) for _ in range(2)]
    api.post("/v1/subscribers/search", json=phone).raise_for_status()
    for person in people:
        assert soon(noted, person, "search_subscribers")["purpose"] == Purpose.UNSTATED


def test_a_score_is_noted_if_something_of_ours_was_read(api: httpx.Client, noted: Callable[[str], list[Entry]]) -> None:
    person = subscriber(api, features=LEAVING)
    api.post("/v1/scores", json={"subscriber_id": person, "features": LEAVING}).raise_for_status()
    stored = api.post("/v1/scores", json={"subscriber_id": person}).raise_for_status()
    assert soon(noted, person, "score_subscriber")["request_id"] == stored.headers["x-request-id"]
    assert [entry["operation"] for entry in noted(person)].count("score_subscriber") == 1


def test_what_is_refused_is_not_noted(api: httpx.Client, noted: Callable[[str], list[Entry]]) -> None:
    person = subscriber(api)
    problem(api.post("/v1/interactions", json=call(person, touchpoint="nowhere")), 422)
    problem(api.get(f"/v1/subscribers/{person}?as_of=yesterday"), 422)
    time.sleep(1.2)
    assert [entry["operation"] for entry in noted(person)] == ["put_subscriber"]


def test_each_of_many_is_noted(api: httpx.Client, noted: Callable[[str], list[Entry]]) -> None:
    people = [subscriber(api) for _ in range(3)]
    api.post("/v1/interactions/batch", json={"items": [call(person) for person in people]}).raise_for_status()
    assert {noted(person)[0]["operation"] for person in people} == {"record_interactions"}


def test_a_text_that_looks_like_a_field_names_nobody(api: httpx.Client, noted: Callable[[str], list[Entry]]) -> None:
    person, other = subscriber(api), subscriber(api)
    api.post("/v1/interactions", json=call(person, reason=f'","subscriber_id":"{other}"')).raise_for_status()
    api.get(f"/v1/interactions?subscriber_id={person}").raise_for_status()
    soon(noted, person, "list_interactions")
    assert [entry["operation"] for entry in noted(other)] == ["put_subscriber"]


def test_an_erasure_is_noted_under_a_pseudonym_that_leads_nowhere(api: httpx.Client, store: psycopg.Connection) -> None:
    person = subscriber(api)
    [[pseudonym]] = store.execute("SELECT pseudonym FROM subscribers WHERE subscriber_id = %s", [person]).fetchall()
    gone = api.delete(f"/v1/subscribers/{person}", headers={"x-purpose": "persons_request"})
    rows = store.execute(
        "SELECT operation, purpose, request_id FROM access_entries WHERE %s = ANY(pseudonyms) ORDER BY id", [pseudonym]
    ).fetchall()
    assert rows[-1] == ("erase_subscriber", "persons_request", gone.headers["x-request-id"])
    assert store.execute("SELECT count(*) FROM access_entries e WHERE e::text LIKE %s", [f"%{person}%"]).fetchone() == (
        0,
    )


def test_a_change_of_what_belongs_to_nobody_is_noted(api: httpx.Client, store: psycopg.Connection) -> None:
    rules = api.get("/v1/policy").json()
    body = {name: value for name, value in rules.items() if name not in {"version", "published_at"}}
    changed = api.put("/v1/policy", json=body)
    found = store.execute(
        "SELECT operation, pseudonyms FROM access_entries WHERE request_id = %s", [changed.headers["x-request-id"]]
    ).fetchone()
    assert found == ("put_policy", [])


def test_a_purpose_is_one_of_those_there_are(api: httpx.Client) -> None:
    answer = api.get(f"/v1/subscribers/{subscriber(api)}", headers={"x-purpose": "curiosity"})
    assert refused_fields(answer) == {"/header/x-purpose"}
    assert refused_fields(api.get("/v1/subscribers/x/overview", headers={"x-purpose": ""})) == {"/header/x-purpose"}


def test_accesses_are_paged_from_the_latest_on(api: httpx.Client) -> None:
    person = subscriber(api)
    for _ in range(4):
        api.post("/v1/interactions", json=call(person)).raise_for_status()
    path, seen = f"/v1/subscribers/{person}/accesses", []
    page = api.get(path, params={"limit": 2}).json()
    while page["next_cursor"]:
        seen += page["items"]
        page = api.get(path, params={"limit": 2, "cursor": page["next_cursor"]}).json()
    ids = [entry["id"] for entry in seen + page["items"]]
    assert len(set(ids)) == len(ids) >= 5
    assert ids == sorted(ids, reverse=True)


def test_nothing_is_read_while_it_cannot_be_noted(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who reads goes on, once what waits is written down."""
    person = subscriber(service.client)
    path = f"/v1/subscribers/{person}/overview"
    with monkeypatch.context() as narrowed:
        narrowed.setattr(access_entries, "MOST_WAITING", 0)
        assert problem(service.client.get(path), 503)["type"] == "/problems/not-noted"
    assert service.client.get(path).status_code == 200
    assert MOST_WAITING > 0


def test_what_waits_is_written_when_the_service_stops(
    new_database: Callable[[str], str], settings: Settings, worker_id: str
) -> None:
    other = make_settings(new_database(f"accesses_{worker_id}"), settings.models_dir)
    with serving(other) as running:
        person = subscriber(running.client)
        for _ in range(50):
            running.client.get(f"/v1/subscribers/{person}").raise_for_status()
    with psycopg.connect(other.database_url.get_secret_value()) as store:
        found = store.execute("SELECT count(*) FROM access_entries WHERE operation = 'get_subscriber'").fetchone()
    assert found == (50,)
