"""How long first answers are kept, and who can read them."""

import httpx
import psycopg
import pytest

from app.services.idempotency import SWEPT_PER_WRITE
from app.settings import Settings
from tests.factories.contacts import call
from tests.factories.subscribers import subscriber
from tests.factories.tables import where_found

SAID = "My colleague Shen Kuo has your offer"
REPLAYED = "idempotent-replayed"


def record(api: httpx.Client, key: str, body: dict[str, object]) -> httpx.Response:
    return api.post("/v1/interactions", json=body, headers={"idempotency-key": key})


def age(store: psycopg.Connection, hours: float) -> None:
    store.execute("UPDATE idempotency_answers SET kept_at = kept_at - make_interval(mins => %s)", [int(hours * 60)])


def count(store: psycopg.Connection) -> int:
    row = store.execute("SELECT count(*) FROM idempotency_answers").fetchone()
    return row[0] if row else -1


@pytest.fixture(autouse=True)
def _empty(store: psycopg.Connection) -> None:
    store.execute("DELETE FROM idempotency_answers")


def test_a_kept_answer_can_be_read_by_the_service_alone(api: httpx.Client, store: psycopg.Connection) -> None:
    first = record(api, "sealed", call(subscriber(api), reason=SAID))

    assert SAID in first.text
    assert count(store) == 1
    assert not where_found(store, "Shen Kuo")


def test_equal_answers_are_not_seen_to_be_equal(api: httpx.Client, store: psycopg.Connection) -> None:
    body = call(subscriber(api), client_reference="one and the same")
    record(api, "first time", body)
    for key in ("second time", "third time"):
        assert record(api, key, body).status_code == 200
    kept = store.execute("SELECT body FROM idempotency_answers").fetchall()

    assert len(set(kept)) == 3


def test_a_key_is_stored_as_its_digest(api: httpx.Client, store: psycopg.Connection) -> None:
    record(api, "order of +8613811112222", call(subscriber(api)))

    assert not where_found(store, "+8613811112222")


def test_an_answer_is_kept_for_as_long_as_is_set(
    api: httpx.Client, store: psycopg.Connection, settings: Settings
) -> None:
    body = call(subscriber(api))
    first = record(api, "kept", body)
    age(store, settings.idempotency_hours - 0.5)
    again = record(api, "kept", body)
    assert again.headers[REPLAYED] == "true"
    age(store, 1)
    afterwards = record(api, "kept", body)

    assert afterwards.status_code == 201
    assert REPLAYED not in afterwards.headers
    assert afterwards.json()["id"] != first.json()["id"]
    assert record(api, "kept", body).json() == afterwards.json()


def test_a_key_whose_answer_was_forgotten_may_name_another_write(
    api: httpx.Client, store: psycopg.Connection, settings: Settings
) -> None:
    record(api, "reused", call(subscriber(api)))
    age(store, settings.idempotency_hours + 1)

    assert record(api, "reused", call(subscriber(api))).status_code == 201


def test_each_write_sweeps_a_few_forgotten_answers(
    api: httpx.Client, store: psycopg.Connection, settings: Settings
) -> None:
    body = call(subscriber(api))
    old = SWEPT_PER_WRITE + 2
    for number in range(old):
        record(api, f"old {number}", body)
    age(store, settings.idempotency_hours + 1)
    record(api, "new 1", body)
    assert count(store) == old - SWEPT_PER_WRITE + 1
    record(api, "new 2", body)
    assert count(store) == 2


def test_an_answer_that_is_still_kept_is_not_swept(api: httpx.Client, store: psycopg.Connection) -> None:
    body = call(subscriber(api))
    for number in range(3):
        record(api, f"young {number}", body)

    assert count(store) == 3
