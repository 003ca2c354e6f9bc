"""Who is erased is gone from every table; what was decided stays, and names nobody."""

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from typing import Any

import httpx
import psycopg
import pytest

from app.services.access import PREFIX_LENGTH
from tests.factories.answers import problem, refused_fields
from tests.factories.bodies import question
from tests.factories.contacts import complaint
from tests.factories.lives import (
    CANARIES,
    TOLD,
    Life,
)
from tests.factories.subscribers import new_id
from tests.factories.tables import count_rows, open_store, where_found
from tests.service import Service


@pytest.fixture
def life(api: httpx.Client) -> Life:
    return Life(api)


@pytest.fixture
def pseudonym(life: Life, store: psycopg.Connection) -> Any:
    return pseudonym_of(life, store)


@pytest.fixture
def erased(life: Life, pseudonym: Any) -> Life:
    assert pseudonym
    answer = life.api.delete(life.path)
    assert (answer.status_code, answer.content) == (204, b"")
    return life


def pseudonym_of(life: Life, store: psycopg.Connection) -> Any:
    found = store.execute("SELECT pseudonym FROM subscribers WHERE subscriber_id = %s", [life.id]).fetchone()
    assert found
    return found[0]


def test_what_identifies_somebody_is_readable_in_no_table(life: Life, store: psycopg.Connection) -> None:
    assert where_found(store, life.id) >= {"subscribers", "interactions", "complaints", "feature_snapshots"}
    for canary in CANARIES:
        assert not where_found(store, canary)


def test_decisions_and_outcomes_never_name_the_subscriber(life: Life, store: psycopg.Connection) -> None:
    assert not where_found(store, life.id) & {"decisions", "outcomes"}


def test_who_is_erased_is_not_found(erased: Life) -> None:
    problem(erased.api.get(erased.path), 404)
    problem(erased.api.delete(erased.path), 404)
    problem(erased.api.get(f"{erased.path}/snapshots/2026-10-31"), 404)
    problem(erased.api.get("/v1/interactions", params={"subscriber_id": erased.id}), 404)
    problem(erased.api.get(f"{erased.path}/next-best-actions", params={"channel": "call"}), 404)
    assert erased.api.get("/v1/complaints", params={"subscriber_id": erased.id}).json()["items"] == []
    assert refused_fields(erased.api.post("/v1/scores", json={"subscriber_id": erased.id})) == {"/subscriber_id"}


def test_who_is_erased_is_named_in_no_table(erased: Life, store: psycopg.Connection) -> None:
    for text in (erased.id, *CANARIES):
        assert not where_found(store, text)


def test_decisions_and_outcomes_stay_under_a_pseudonym(life: Life, store: psycopg.Connection, pseudonym: Any) -> None:
    before = count_rows(store)
    life.api.delete(life.path)
    after = count_rows(store)

    kept = {"decisions", "outcomes", "reservations", "audit_entries", "access_entries"}
    assert where_found(store, str(pseudonym)) == kept
    gone = {table for table in before if after[table] != before[table]}
    assert gone == {
        "subscribers",
        "profile_versions",
        "feature_snapshots",
        "interactions",
        "client_references",
        "complaints",
        "complaint_steps",
        "care_cases",
        "tasks",
        "idempotency_answers",
        "audit_entries",
    }


def test_a_decision_of_the_erased_is_gone(erased: Life) -> None:
    problem(erased.api.get(f"/v1/decisions/{erased.decision['decision_id']}"), 410)
    problem(erased.api.post(erased.outcomes, json=erased.outcome | {"outcome": "retained"}), 410)


def test_no_repeated_write_brings_anything_back(erased: Life, store: psycopg.Connection) -> None:
    problem(erased.resend("POST", "/v1/interactions", erased.contact), 422)
    problem(erased.resend("POST", "/v1/complaints", complaint(erased.id, description=TOLD)), 422)
    problem(erased.resend("POST", "/v1/decisions", question(erased.id)), 422)
    problem(erased.resend("POST", erased.outcomes, erased.outcome), 410)
    assert not where_found(store, erased.id)


def test_who_comes_back_is_somebody_new(erased: Life, store: psycopg.Connection, pseudonym: Any) -> None:
    returned = erased.api.put(erased.path, json={})

    assert (returned.status_code, returned.json()["version"], returned.json()["contact"]) == (201, 1, None)
    assert pseudonym_of(erased, store) != pseudonym
    problem(erased.api.get(f"/v1/decisions/{erased.decision['decision_id']}"), 410)
    assert erased.api.get("/v1/interactions", params={"subscriber_id": erased.id}).json()["items"] == []


def test_an_answer_on_its_way_while_somebody_is_erased_is_not_kept(
    life: Life, service: Service, store: psycopg.Connection
) -> None:
    """A contact that is known already is answered again, with what was said in it."""
    key = f"late answer {life.id}"
    caller = store.execute("SELECT id FROM api_keys WHERE prefix = %s", [service.key[:PREFIX_LENGTH]]).fetchone()
    assert caller
    with open_store(service.settings) as rival, ThreadPoolExecutor(2) as threads:
        # Another transaction that keeps an answer to this very key holds the request up just before its end.
        rival.autocommit = False
        rival.execute(
            "INSERT INTO idempotency_answers VALUES (%s, 'record_interaction', %s, '', 201, '{}', '', NULL, now())",
            [caller[0], hashlib.sha256(key.encode()).digest()],
        )
        send = partial(life.api.post, "/v1/interactions", json=life.contact, headers={"idempotency-key": key})
        answering = threads.submit(send)
        wait_until_somebody_waits(store)
        erasing = threads.submit(life.api.delete, life.path)
        wait([erasing], timeout=0.5)
        rival.rollback()

        assert erasing.result().status_code == 204
        assert answering.result().status_code == 200
    assert not where_found(store, life.id)


def wait_until_somebody_waits(store: psycopg.Connection) -> None:
    give_up = time.monotonic() + 5
    while time.monotonic() < give_up:
        query = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        if store.execute(query).rowcount:
            return
    pytest.fail("nobody waits")


def test_what_a_caller_wrote_into_a_question_goes_with_the_subscriber(
    api: httpx.Client, store: psycopg.Connection
) -> None:
    """A context is free: an agent's screen may send a note in it, and the note may name somebody."""
    subscriber_id = f"erase-{new_id()}"
    api.put(f"/v1/subscribers/{subscriber_id}", json={})
    asked = question(subscriber_id, context={"note": "Wang Anshi, 13700007777, is furious"})
    assert api.post("/v1/decisions", json=asked).status_code == 201
    assert api.delete(f"/v1/subscribers/{subscriber_id}").status_code == 204

    assert not where_found(store, "Wang Anshi")


def audit_of(store: psycopg.Connection, pseudonym: Any) -> list[Any]:
    query = "SELECT event, details FROM audit_entries WHERE pseudonym = %s ORDER BY id"
    return store.execute(query, [pseudonym]).fetchall()


def test_an_erasure_is_noted_in_words_that_identify_nobody(
    life: Life, store: psycopg.Connection, pseudonym: Any
) -> None:
    life.api.delete(life.path)

    assert audit_of(store, pseudonym) == [("erased", {})]


def test_every_id_of_a_person_is_erased_with_the_one_that_stays(
    api: httpx.Client, life: Life, store: psycopg.Connection
) -> None:
    """(B17)"""
    survivor = f"erase-{new_id()}"
    api.put(f"/v1/subscribers/{survivor}", json={})
    headers = {"idempotency-key": f"merge of {life.id}"}
    merged = api.post(f"/v1/subscribers/{survivor}/merges", json={"duplicate_id": life.id}, headers=headers)
    assert merged.status_code == 201
    pseudonym = pseudonym_of(life, store)
    assert api.delete(f"/v1/subscribers/{survivor}").status_code == 204

    problem(api.get(life.path), 404)
    for text in (survivor, life.id, *CANARIES):
        assert not where_found(store, text)
    assert [event for event, _ in audit_of(store, pseudonym)] == ["merged", "erased"]


@pytest.mark.parametrize("taken_back", [True, False])
def test_an_answer_to_a_merge_does_not_outlive_either_of_the_two(
    api: httpx.Client, store: psycopg.Connection, *, taken_back: bool
) -> None:
    survivor, duplicate = f"erase-{new_id()}", f"erase-{new_id()}"
    for one in (survivor, duplicate):
        api.put(f"/v1/subscribers/{one}", json={})
    headers = {"idempotency-key": f"merge of {duplicate}"}
    api.post(f"/v1/subscribers/{survivor}/merges", json={"duplicate_id": duplicate}, headers=headers)
    if taken_back:
        assert api.delete(f"/v1/subscribers/{survivor}/merges/{duplicate}").status_code == 204
    assert api.delete(f"/v1/subscribers/{duplicate}").status_code == 204

    assert not where_found(store, duplicate)
    assert api.get(f"/v1/subscribers/{survivor}").status_code == 200
