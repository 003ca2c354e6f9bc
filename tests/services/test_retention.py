"""What is too old goes, with the names it was given; what is open, recent or the last that is known stays."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from app.db import create_engine, create_sessions
from app.services import retention
from app.settings import Settings
from app.vault import Vault
from tests.conftest import make_settings, serving
from tests.factories.contacts import call, complaint, moments_ago
from tests.factories.dictionary import lay_dictionary
from tests.factories.subscribers import LEAVING, subscriber
from tests.factories.tables import count_rows, open_store
from tests.service import Service

KEPT = 400
NOTHING = dict.fromkeys(
    (
        "interactions",
        "survey_responses",
        "complaints",
        "tasks",
        "care_cases",
        "feature_snapshots",
        "idempotency_answers",
    ),
    0,
)


def purge(settings: Settings, at: datetime | None = None) -> dict[str, int]:
    return asyncio.run(_purge(settings, at or datetime.now(UTC)))


async def _purge(settings: Settings, at: datetime) -> dict[str, int]:
    engine = create_engine(settings)
    short = settings.model_copy(update={"keep_contacts_days": KEPT, "keep_snapshots_days": KEPT})
    try:
        return await retention.purge(create_sessions(engine), short, at)
    finally:
        await engine.dispose()


@pytest.fixture(scope="module")
def home(new_database: Callable[[str], str], models_dir: Path, worker_id: str) -> Iterator[Service]:
    """A service on a database of its own: everybody in it goes before each test."""
    settings = make_settings(new_database(f"retention_{worker_id}"), models_dir)
    lay_dictionary(settings)
    with serving(settings) as running:
        yield running


@pytest.fixture
def kept(home: Service) -> Settings:
    return home.settings


@pytest.fixture
def api(home: Service) -> httpx.Client:
    return home.client


@pytest.fixture
def store(kept: Settings) -> Iterator[psycopg.Connection]:
    with open_store(kept) as connection:
        for table in ("subscribers", "survey_responses", "client_references", "idempotency_answers"):
            connection.execute(f"DELETE FROM {table}".encode())  # noqa: S608  # our own names
        yield connection


def ids(store: psycopg.Connection, table: str, subscriber_id: str) -> list[Any]:
    query = f"SELECT id FROM {table} WHERE subscriber_id = %s"  # noqa: S608  # our own names
    return [id for (id,) in store.execute(query.encode(), [subscriber_id])]


def test_where_nothing_is_old_nothing_goes(api: httpx.Client, kept: Settings, store: psycopg.Connection) -> None:
    subscriber_id = subscriber(api, features=LEAVING)
    api.post("/v1/interactions", json=call(subscriber_id, client_reference="new"))
    before = count_rows(store)

    assert purge(kept) == NOTHING
    assert count_rows(store) == before


def test_an_old_contact_goes_with_the_name_it_was_given(
    api: httpx.Client, kept: Settings, store: psycopg.Connection
) -> None:
    subscriber_id = subscriber(api)
    for days in (KEPT - 1, KEPT + 1):
        told = call(subscriber_id, occurred_at=moments_ago(days=days), client_reference=f"{days} days ago")
        assert api.post("/v1/interactions", json=told).status_code == 201

    assert purge(kept) == NOTHING | {"interactions": 1}
    [left] = api.get("/v1/interactions", params={"subscriber_id": subscriber_id}).json()["items"]
    assert left["client_reference"] == f"{KEPT - 1} days ago"
    names = store.execute("SELECT reference FROM client_references WHERE subscriber_id = %s", [subscriber_id])
    assert names.fetchall() == [(f"{KEPT - 1} days ago",)]
    assert purge(kept) == NOTHING


def test_what_is_not_settled_stays_however_old(api: httpx.Client, kept: Settings, store: psycopg.Connection) -> None:
    subscriber_id = subscriber(api)
    api.post("/v1/interactions", json=call(subscriber_id, need="leave", occurred_at=moments_ago(days=9)))
    opened = api.post("/v1/complaints", json=complaint(subscriber_id, client_reference="c")).json()
    old = datetime.now(UTC) - timedelta(days=2 * KEPT)
    for table in ("complaints", "tasks"):
        query = f"UPDATE {table} SET updated_at = %s WHERE subscriber_id = %s"  # noqa: S608  # our own names
        store.execute(query.encode(), [old, subscriber_id])
    store.execute("UPDATE care_cases SET opened_at = %s WHERE subscriber_id = %s", [old, subscriber_id])
    assert purge(kept) == NOTHING

    store.execute("UPDATE complaints SET status = 'closed' WHERE id = %s", [opened["id"]])
    store.execute("UPDATE tasks SET status = 'done' WHERE subscriber_id = %s", [subscriber_id])
    store.execute("UPDATE care_cases SET closed_at = %s WHERE subscriber_id = %s", [old, subscriber_id])
    tasks = len(ids(store, "tasks", subscriber_id))
    assert tasks
    assert purge(kept) == NOTHING | {"complaints": 1, "tasks": tasks, "care_cases": 1}
    assert ids(store, "complaints", subscriber_id) == ids(store, "care_cases", subscriber_id) == []


@pytest.mark.parametrize("is_anonymous", [False, True])
def test_an_old_answer_to_a_survey_goes_whoever_gave_it(
    api: httpx.Client, kept: Settings, store: psycopg.Connection, *, is_anonymous: bool
) -> None:
    subscriber_id = None if is_anonymous else subscriber(api)
    caller = store.execute("SELECT id FROM api_keys LIMIT 1").fetchone()
    assert caller
    for days in (KEPT - 1, KEPT + 1):
        store.execute(
            "INSERT INTO survey_responses (id, subscriber_id, family, survey, touchpoint, channel, answered_at,"
            " scale_max, answers, dissatisfied, recorded_at)"
            " VALUES (gen_random_uuid(), %s, 'internal', 's', 'hotline', 'call', %s, 5, '[]', false, now())",
            [subscriber_id, datetime.now(UTC) - timedelta(days=days)],
        )
    store.execute(
        "INSERT INTO client_references (caller_id, noun, reference, subscriber_id, fact_id)"
        " SELECT %s, 'survey', id::text, subscriber_id, id FROM survey_responses",
        [caller[0]],
    )

    assert purge(kept) == NOTHING | {"survey_responses": 1}
    named = store.execute("SELECT fact_id FROM client_references WHERE noun = 'survey'").fetchall()
    assert named == store.execute("SELECT id FROM survey_responses").fetchall()


@pytest.mark.usefixtures("store")
def test_of_old_snapshots_the_latest_stays(api: httpx.Client, kept: Settings) -> None:
    faithful, returning = subscriber(api), subscriber(api)
    today = datetime.now(UTC).date()
    days = {faithful: (0, KEPT, KEPT + 1, KEPT + 90), returning: (KEPT + 30, KEPT + 60)}
    for one, ages in days.items():
        for age in ages:
            as_of = today - timedelta(days=age)
            put = api.put(f"/v1/subscribers/{one}/snapshots/{as_of}", json={"features": LEAVING})
            assert put.status_code == 201

    assert purge(kept) == NOTHING | {"feature_snapshots": 3}
    left = {one: [age for age in ages if _stands(api, one, today - timedelta(days=age))] for one, ages in days.items()}
    assert left == {faithful: [0, KEPT], returning: [KEPT + 30]}


def _stands(api: httpx.Client, subscriber_id: str, as_of: object) -> bool:
    return api.get(f"/v1/subscribers/{subscriber_id}/snapshots/{as_of}").status_code == 200


def test_expired_first_answers_go(api: httpx.Client, kept: Settings, store: psycopg.Connection) -> None:
    subscriber_id = subscriber(api)
    for key in ("old", "new"):
        headers = {"idempotency-key": f"{key} {subscriber_id}"}
        assert api.post("/v1/interactions", json=call(subscriber_id), headers=headers).status_code == 201
    assert purge(kept) == NOTHING
    at = datetime.now(UTC) + timedelta(hours=kept.idempotency_hours, seconds=5)

    assert purge(kept, at) == NOTHING | {"idempotency_answers": 2}
    assert count_rows(store)["idempotency_answers"] == 0


def test_more_than_a_page_is_purged_page_by_page(api: httpx.Client, kept: Settings, store: psycopg.Connection) -> None:
    model = subscriber(api)
    api.post("/v1/interactions", json=call(model, occurred_at=moments_ago(days=KEPT + 1)))
    many = 2 * retention.PAGE + 1
    store.execute(
        "INSERT INTO subscribers"
        " (subscriber_id, pseudonym, data_key, status, consents, version, created_at, updated_at)"
        " SELECT 'many-' || n, gen_random_uuid(), data_key, status, consents, 1, now(), now()"
        " FROM subscribers, generate_series(1, %s) n WHERE subscriber_id = %s",
        [many, model],
    )
    store.execute(
        "INSERT INTO interactions"
        " (subscriber_id, id, touchpoint, channel, direction, occurred_at, need, need_source, caller_id, recorded_at)"
        " SELECT s.subscriber_id, gen_random_uuid(), touchpoint, channel, direction, occurred_at, need, need_source,"
        " caller_id, recorded_at FROM interactions, subscribers s WHERE s.subscriber_id LIKE 'many-%'"
    )

    assert purge(kept) == NOTHING | {"interactions": many + 1}


def test_a_profile_from_before_versions_were_kept_gets_its_first_and_is_found_by_phone(
    api: httpx.Client, kept: Settings, store: psycopg.Connection
) -> None:
    """(B16)"""
    phone = "+8613977123123"
    subscriber_id = subscriber(api, contact={"phone": phone}, region="east")
    versions = api.get(f"/v1/subscribers/{subscriber_id}/profile-versions").json()
    store.execute("DELETE FROM profile_versions")
    store.execute("UPDATE subscribers SET phone_index = NULL")
    assert complete(kept) == {"profiles": 1}
    assert complete(kept) == {"profiles": 0}

    assert api.get(f"/v1/subscribers/{subscriber_id}/profile-versions").json() == versions
    [found] = api.post("/v1/subscribers/search", json={"phone": phone}).json()["items"]
    assert found["subscriber_id"] == subscriber_id


def complete(kept: Settings) -> dict[str, int]:
    return asyncio.run(_complete(kept))


async def _complete(kept: Settings) -> dict[str, int]:
    engine = create_engine(kept)
    try:
        return await retention.complete_profiles(create_sessions(engine), Vault(kept.keys))
    finally:
        await engine.dispose()
