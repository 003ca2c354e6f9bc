"""Who may do what: every operation but four needs a key that carries its scope."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache, partial

import httpx
import psycopg
import pytest
from psycopg import sql

from app.domain.access import SCOPES
from app.services.access import PREFIX_LENGTH
from app.settings import Settings
from tests.conftest import make_key
from tests.factories.answers import CANARY, problem
from tests.factories.contacts import call, complaint
from tests.factories.grounds import Grounds
from tests.factories.operations import OPEN, Operation, closed, operations
from tests.factories.subscribers import LEAVING, subscriber
from tests.factories.tables import count_rows
from tests.service import Service, client_of

every_closed = pytest.mark.parametrize("operation", closed(), ids=str)
UNKNOWN_KEY = "sl_0123abcd_" + "A" * 43


@pytest.fixture(scope="module")
def powerless(service: Service) -> Iterator[httpx.Client]:
    with service.as_caller(make_key(service.settings, set())) as caller:
        yield caller


@pytest.fixture(scope="module")
def bound(service: Service) -> Iterator[httpx.Client]:
    """A caller whose key speaks for one agent."""
    with service.as_caller(make_key(service.settings, SCOPES, agent_id="agent-7")) as caller:
        yield caller


@pytest.fixture(scope="module")
def key_with(settings: Settings) -> Callable[[frozenset[str]], str]:
    """Make a key with these scopes, once."""
    return cache(partial(make_key, settings))


def refused(answer: httpx.Response) -> None:
    problem(answer, 401)
    assert answer.headers["www-authenticate"].startswith("Bearer")


@every_closed
def test_an_operation_needs_a_key(service: Service, grounds: Grounds, operation: Operation) -> None:
    with client_of(service.base_url) as nobody:
        refused(grounds.request(operation).send(nobody))


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        f"Bearer {CANARY}",
        f"Bearer {UNKNOWN_KEY}",
        f"Bearer {UNKNOWN_KEY} {UNKNOWN_KEY}",
        f"Basic {UNKNOWN_KEY}",
        UNKNOWN_KEY,
        "Bearer " + "A" * 10_000,
        "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.",
        "Bearer sl_\xe9",
        "Bearer \xff\xfe",
    ],
)
def test_what_is_no_key_is_refused(service: Service, header: str) -> None:
    with client_of(service.base_url) as nobody:
        refused(nobody.get("/v1/features", headers=[(b"authorization", header.encode("latin-1"))]))


def test_a_key_in_the_query_is_no_key(service: Service) -> None:
    with client_of(service.base_url) as nobody:
        refused(nobody.get("/v1/features", params={"api_key": service.key, "authorization": f"Bearer {service.key}"}))


def test_the_word_bearer_may_be_written_in_any_case(service: Service) -> None:
    with client_of(service.base_url) as caller:
        assert caller.get("/v1/features", headers={"authorization": f"bearer {service.key}"}).status_code == 200


@pytest.mark.parametrize("column", ["revoked_at", "expires_at"])
def test_a_key_that_was_ended_is_refused(service: Service, store: psycopg.Connection, column: str) -> None:
    key = make_key(service.settings, SCOPES)
    a_second_ago = datetime.now(UTC) - timedelta(seconds=1)
    update = sql.SQL("UPDATE api_keys SET {} = %s WHERE prefix = %s").format(sql.Identifier(column))
    store.execute(update, [a_second_ago, key[:PREFIX_LENGTH]])

    with service.as_caller(key) as caller:
        refused(caller.get("/v1/features"))


@every_closed
def test_an_operation_needs_the_scope_it_describes(
    service: Service, grounds: Grounds, key_with: Callable[[frozenset[str]], str], operation: Operation
) -> None:
    with service.as_caller(key_with(SCOPES - operation.scopes)) as caller:
        found = problem(grounds.request(operation).send(caller), 403)

    assert operation.scopes <= SCOPES
    assert len(operation.scopes) == 1
    assert next(iter(operation.scopes)) in found["detail"]


@every_closed
def test_the_scope_an_operation_describes_is_enough(
    service: Service, grounds: Grounds, key_with: Callable[[frozenset[str]], str], operation: Operation
) -> None:
    request = grounds.request(operation)
    spared = {"delete": "nobody"} if operation.method == "DELETE" else {}
    unknown = "01a200e5-1bcf-7a83-9b61-5a26ac00dfee"  # the claim of another is another's
    nobody = {"subscriber_id": "nobody", "group_id": "nobody", "claim_id": unknown}
    path = grounds.path(operation, **nobody) if spared else request.path
    with service.as_caller(key_with(operation.scopes)) as caller:
        answer = caller.request(
            operation.method, path, headers=request.headers, params=request.params, json=request.body
        )

    assert answer.is_success or spared, answer.text
    assert answer.status_code != 403


def test_what_is_refused_for_its_scope_has_no_effect(
    powerless: httpx.Client, grounds: Grounds, store: psycopg.Connection
) -> None:
    before = count_rows(store)
    for operation in closed():
        request = grounds.request(operation)
        problem(request.send(powerless, headers=request.headers | {"idempotency-key": operation.id}), 403)

    assert count_rows(store) == before


def test_a_key_without_scopes_learns_nothing_of_what_exists(powerless: httpx.Client, grounds: Grounds) -> None:
    for path in (f"/v1/subscribers/{grounds.ids['subscriber_id']}", "/v1/subscribers/nobody", "/v1/subscribers/%00"):
        problem(powerless.get(path), 403)


@pytest.mark.parametrize("operation", [found for found in operations() if found.id in OPEN], ids=str)
def test_health_is_open_to_all(service: Service, operation: Operation) -> None:
    with client_of(service.base_url) as nobody:
        assert nobody.get(operation.path).status_code == 200


def test_a_contact_is_its_agents_own(bound: httpx.Client, api: httpx.Client) -> None:
    subscriber_id = subscriber(api)

    assert bound.post("/v1/interactions", json=call(subscriber_id)).json()["agent_id"] == "agent-7"
    assert bound.post("/v1/interactions", json=call(subscriber_id, agent_id="agent-7")).status_code == 201
    problem(bound.post("/v1/interactions", json=call(subscriber_id, agent_id="agent-8")), 403)


def test_a_complaint_is_owned_by_the_agent_who_took_it(bound: httpx.Client, api: httpx.Client) -> None:
    subscriber_id = subscriber(api)

    assert bound.post("/v1/complaints", json=complaint(subscriber_id)).json()["owner"] == "agent-7"
    assert bound.post("/v1/complaints", json=complaint(subscriber_id, owner="agent-7")).status_code == 201


def test_a_key_bound_to_an_agent_cannot_name_another_as_owner(bound: httpx.Client, api: httpx.Client) -> None:
    subscriber_id = subscriber(api, features=LEAVING)
    question = {"subscriber_id": subscriber_id, "channel": "call", "direction": "inbound", "owner": "agent-8"}

    problem(bound.post("/v1/complaints", json=complaint(subscriber_id, owner="agent-8")), 403)
    problem(bound.post("/v1/decisions", json=question), 403)


def test_scopes_are_settled_by_the_key_alone(settings: Settings, service: Service, grounds: Grounds) -> None:
    with service.as_caller(make_key(settings, {"scores:read"})) as caller:
        claimed = {"x-scopes": "privacy:admin", "x-forwarded-user": "admin"}
        problem(caller.delete(f"/v1/subscribers/{grounds.ids['subscriber_id']}", headers=claimed), 403)
