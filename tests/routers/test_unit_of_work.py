"""A write happens once however often it is sent, and is stored before it is acknowledged."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import psycopg
import pytest

from app.domain.access import SCOPES
from app.services.access import PREFIX_LENGTH
from app.services.idempotency import Write
from tests.conftest import make_key, make_settings, serving
from tests.factories.answers import CANARY, problem, refused_fields
from tests.factories.bodies import at_once, question
from tests.factories.contacts import call, complaint
from tests.factories.dictionary import lay_dictionary
from tests.factories.grounds import Grounds, Request, lay_grounds
from tests.factories.operations import Operation, keyed, operations, writes
from tests.factories.subscribers import LEAVING, new_id, subscriber
from tests.factories.tables import count_rows, open_store
from tests.service import Service

every_keyed = pytest.mark.parametrize("operation", keyed(), ids=str)
# Neither scoring, nor searching, nor deciding again, nor activating what is active already changes anything.
SCORING = {"score_subscriber", "score_subscribers", "infer", "infer_version"}
UNCHANGING = {
    *SCORING,
    "search_subscribers",
    "activate_model",
    "replay_decision",
    "request_scoring_run",
    "report_warning",
}
CHANGING = [found for found in operations() if found.method != "GET" and found.id not in UNCHANGING]
REPLAYED = "idempotent-replayed"
KEPT = ("content-type", "location", "etag")


def named(request: Request, key: str) -> dict[str, str]:
    return {**request.headers, "idempotency-key": key}


def post(api: httpx.Client, path: str, body: object, key: str) -> httpx.Response:
    return api.post(path, json=body, headers=[(b"idempotency-key", key.encode())])


def test_every_post_that_records_something_takes_a_key() -> None:
    recording = {
        operation.id for operation in writes() if operation.method == "POST" and {201, 202, 207} & operation.statuses
    } - SCORING

    assert {operation.id for operation in keyed()} == recording | {"activate_model"}


@every_keyed
def test_a_write_that_is_repeated_gets_the_first_answer_again(
    api: httpx.Client, grounds: Grounds, store: psycopg.Connection, operation: Operation
) -> None:
    request = grounds.request(operation)
    first = request.send(api, headers=named(request, f"again {operation.id}"))
    rows = count_rows(store)
    second = request.send(api, headers=named(request, f"again {operation.id}"))

    assert first.is_success
    assert REPLAYED not in first.headers
    assert second.headers[REPLAYED] == "true"
    assert (second.status_code, second.content) == (first.status_code, first.content)
    assert [second.headers.get(name) for name in KEPT] == [first.headers.get(name) for name in KEPT]
    assert second.headers["x-request-id"] != first.headers["x-request-id"]
    assert count_rows(store) == rows


@every_keyed
def test_a_key_that_was_used_for_another_body_is_refused(
    api: httpx.Client, grounds: Grounds, store: psycopg.Connection, operation: Operation
) -> None:
    request = grounds.request(operation)
    first = request.send(api, headers=named(request, f"other {operation.id}"))
    rows = count_rows(store)
    content = json.dumps(request.body, indent=1).encode()
    headers = named(request, f"other {operation.id}") | {"content-type": "application/json"}

    assert first.is_success
    assert refused_fields(request.send(api, content=content, headers=headers)) == {"/header/idempotency-key"}
    assert count_rows(store) == rows


def test_a_key_that_was_used_for_another_page_is_refused(api: httpx.Client, grounds: Grounds) -> None:
    other = lay_grounds(api).ids["decision_id"]
    body = {"action": grounds.ids["action"], "outcome": "later", "occurred_at": "2026-10-31T09:30:00+08:00"}
    body["occurred_at"] = call("x")["occurred_at"]

    assert post(api, f"/v1/decisions/{grounds.ids['decision_id']}/outcomes", body, "page").status_code == 201
    problem(post(api, f"/v1/decisions/{other}/outcomes", body, "page"), 422)


@pytest.mark.parametrize("length", [1, 255])
def test_a_key_may_have_up_to_255_characters(api: httpx.Client, length: int) -> None:
    body = call(subscriber(api))
    key = "k" * length

    assert post(api, "/v1/interactions", body, key).status_code == 201
    assert post(api, "/v1/interactions", body, key).headers[REPLAYED] == "true"


@pytest.mark.parametrize("key", ["", "k" * 256, CANARY * 100])
def test_a_key_of_another_length_is_refused(api: httpx.Client, key: str) -> None:
    assert refused_fields(post(api, "/v1/interactions", call(subscriber(api)), key)) == {"/header/idempotency-key"}


def test_a_key_may_be_any_text_that_a_header_can_hold(api: httpx.Client) -> None:
    body = call(subscriber(api))
    key = "ключ 钥匙 '; --"

    assert post(api, "/v1/interactions", body, key).status_code == 201
    assert post(api, "/v1/interactions", body, key).headers[REPLAYED] == "true"


def test_a_key_belongs_to_its_caller(api: httpx.Client, service: Service) -> None:
    body = call(subscriber(api))
    mine = post(api, "/v1/interactions", body, "mine")
    with service.as_caller(make_key(service.settings, SCOPES)) as other:
        theirs = post(other, "/v1/interactions", body, "mine")

    assert theirs.status_code == 201
    assert REPLAYED not in theirs.headers
    assert theirs.json()["id"] != mine.json()["id"]


def test_a_replay_needs_the_scope_still(api: httpx.Client, service: Service, store: psycopg.Connection) -> None:
    key = make_key(service.settings, SCOPES)
    body = call(subscriber(api))
    with service.as_caller(key) as caller:
        assert post(caller, "/v1/interactions", body, "scoped").status_code == 201
    store.execute("UPDATE api_keys SET scopes = '{interactions:read}' WHERE prefix = %s", [key[:PREFIX_LENGTH]])
    with serving(service.settings) as restarted, restarted.as_caller(key) as caller:
        problem(post(caller, "/v1/interactions", body, "scoped"), 403)


def test_a_key_belongs_to_its_operation(api: httpx.Client) -> None:
    subscriber_id = subscriber(api)

    assert post(api, "/v1/interactions", call(subscriber_id), "shared").status_code == 201
    assert post(api, "/v1/complaints", complaint(subscriber_id), "shared").status_code == 201


def test_a_refusal_is_not_kept(api: httpx.Client) -> None:
    subscriber_id = new_id()
    body = call(subscriber_id)
    refused_fields(post(api, "/v1/interactions", body, "refused"))
    api.put(f"/v1/subscribers/{subscriber_id}", json={})

    answer = post(api, "/v1/interactions", body, "refused")
    assert answer.status_code == 201
    assert REPLAYED not in answer.headers


@every_keyed
def test_twenty_arrivals_at_once_have_one_effect(
    api: httpx.Client, grounds: Grounds, store: psycopg.Connection, operation: Operation
) -> None:
    request = _request_for_the_first_time(api, grounds, operation)
    rows = Counter(count_rows(store))
    answers = at_once(20, lambda _: request.send(api, headers=named(request, f"twenty {operation.id}")))
    created = [answer for answer in answers if answer.is_success]

    assert [answer.headers.get(REPLAYED) for answer in created].count(None) == 1
    assert len({answer.content for answer in created}) == 1
    for answer in answers:
        if not answer.is_success:
            problem(answer, 409)
            assert int(answer.headers["retry-after"]) > 0
    added = Counter(count_rows(store)) - rows
    of_many: dict[str, Callable[[], int]] = {
        "record_interactions": lambda: len(request.body["items"]),  # type: ignore[index]
        "decide": lambda: added["reservations"],
        "merge_subscriber": lambda: 2,  # a version of each of the two
    }
    once = {1, of_many[operation.id]() if operation.id in of_many else 1}
    assert set(added.values()) <= once, added


def _request_for_the_first_time(api: httpx.Client, grounds: Grounds, operation: Operation) -> Request:
    """A request of which no test before made anything: its effect is the same whichever went first."""
    request = grounds.request(operation)
    bodies: dict[str, Callable[[], dict[str, object]]] = {
        "decide": lambda: question(subscriber(api, features=LEAVING)),
        "merge_subscriber": lambda: {"duplicate_id": subscriber(api)},
    }
    make = bodies.get(operation.id)
    return replace(request, body=make()) if make else request


def test_a_write_that_is_still_being_made_is_a_conflict(
    api: httpx.Client, service: Service, store: psycopg.Connection
) -> None:
    body = call(subscriber(api))
    caller = store.execute("SELECT id FROM api_keys WHERE prefix = %s", [service.key[:PREFIX_LENGTH]]).fetchone()
    assert caller
    number = Write(caller[0], "record_interaction", "in flight", b"").lock
    store.execute("SELECT pg_advisory_lock(%s)", [number])
    answer = post(api, "/v1/interactions", body, "in flight")
    store.execute("SELECT pg_advisory_unlock(%s)", [number])

    problem(answer, 409)
    assert int(answer.headers["retry-after"]) > 0
    assert post(api, "/v1/interactions", body, "in flight").status_code == 201


def test_writes_without_a_key_are_all_made(api: httpx.Client) -> None:
    body = call(subscriber(api))

    assert len({api.post("/v1/interactions", json=body).json()["id"] for _ in range(3)}) == 3


@pytest.fixture(scope="module")
def unwilling(
    new_database: Callable[[str], str], models_dir: Path, worker_id: str
) -> Iterator[tuple[Service, Grounds]]:
    """A service whose store takes every statement and refuses every commit."""
    settings = make_settings(new_database(f"unwilling_{worker_id}"), models_dir)
    lay_dictionary(settings)
    with serving(settings) as running, open_store(settings) as store:
        grounds = lay_grounds(running.client)
        store.execute("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not today'; END $$")
        for table in (
            "subscribers",
            "groups",
            "feature_snapshots",
            "interactions",
            "complaints",
            "survey_responses",
            "satisfaction_targets",
            "tasks",
            "care_cases",
            "touchpoints",
            "actions",
            "policies",
            "contact_claims",
            "contests",
            "decisions",
            "outcomes",
            "campaigns",
            "campaign_members",
            "access_entries",
        ):
            store.execute(
                f"CREATE CONSTRAINT TRIGGER refusal AFTER INSERT OR UPDATE OR DELETE ON {table}"
                " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()".encode()
            )
        yield running, grounds


@pytest.mark.parametrize("operation", CHANGING, ids=str)
def test_a_change_that_the_store_does_not_commit_is_not_acknowledged(
    unwilling: tuple[Service, Grounds], operation: Operation
) -> None:
    service, grounds = unwilling
    request = grounds.request(operation)
    with open_store(service.settings) as store:
        rows = count_rows(store)
        answer = request.send(service.client, headers=named(request, operation.id))

        assert answer.status_code >= 500, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert count_rows(store) == rows


def test_what_failed_is_logged_without_what_was_sent(
    unwilling: tuple[Service, Grounds], caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    service, grounds = unwilling
    body = call(grounds.ids["subscriber_id"], reason=CANARY, request=CANARY)
    with caplog.at_level("DEBUG"):
        answer = service.client.post("/v1/interactions", json=body)

    assert answer.status_code >= 500
    written = caplog.text + "".join(capfd.readouterr())
    assert "unexpected" in written
    assert CANARY not in written
    assert grounds.ids["subscriber_id"] not in written


def test_a_key_whose_write_was_not_committed_may_be_used_again(
    unwilling: tuple[Service, Grounds],
) -> None:
    service, grounds = unwilling
    body = complaint(grounds.ids["subscriber_id"])
    assert post(service.client, "/v1/complaints", body, "second try").status_code >= 500
    with open_store(service.settings) as store:
        for table in (b"complaints", b"care_cases", b"access_entries"):
            store.execute(b"DROP TRIGGER refusal ON " + table)

    answer = post(service.client, "/v1/complaints", body, "second try")
    assert answer.status_code == 201
    assert REPLAYED not in answer.headers
