"""No more is let in than can be answered; who sends too much, too slowly or too late is told so at once."""

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest

from app.domain.access import SCOPES
from app.routers.edge import MOST_BATCH_BYTES
from app.settings import Settings
from tests.conftest import make_key, make_settings, serving
from tests.factories.answers import not_now, problem
from tests.factories.contacts import call
from tests.factories.dictionary import lay_dictionary
from tests.factories.subscribers import LEAVING, subscriber
from tests.factories.tables import open_store
from tests.service import Service

MOST = 3
RATE = 5
SECONDS = 0.6
HEALTH = ("/livez", "/readyz", "/metrics", "/v2/health/live", "/v2/health/ready")


@pytest.fixture(scope="module")
def strict(new_database: Callable[[str], str], models_dir: Path, worker_id: str) -> Iterator[Service]:
    """A service that lets in few at once, for a short time each."""
    settings = make_settings(
        new_database(f"strict_{worker_id}"),
        models_dir,
        most_at_once=MOST,
        deadline_seconds=SECONDS,
        receive_seconds=SECONDS,
    )
    lay_dictionary(settings)
    with serving(settings) as running:
        yield running


@pytest.fixture
def caller(strict: Service) -> httpx.Client:
    return strict.client


@contextmanager
def interactions_locked(settings: Settings) -> Iterator[None]:
    with psycopg.connect(settings.database_url.get_secret_value()) as store:
        store.execute("LOCK TABLE interactions IN ACCESS EXCLUSIVE MODE")
        yield


@contextmanager
def full(strict: Service) -> Iterator[list[httpx.Response]]:
    """As many requests inside as are let in, all waiting; their answers are there afterwards."""
    person = subscriber(strict.client, features=LEAVING)
    answers: list[httpx.Response] = []
    with ThreadPoolExecutor(MOST) as threads:
        with interactions_locked(strict.settings):
            waiting = [
                threads.submit(strict.client.post, "/v1/interactions", json=call(person), timeout=30)
                for _ in range(MOST)
            ]
            time.sleep(SECONDS / 3)
            yield answers
        answers += [one.result() for one in waiting]


def test_who_comes_when_it_is_full_is_sent_away_at_once_and_health_is_not(
    strict: Service, caller: httpx.Client
) -> None:
    with full(strict) as answers:
        began = time.monotonic()
        refused = caller.post("/v1/scores", json={"features": LEAVING})
        assert time.monotonic() - began < 0.1
        assert not_now(refused)["type"] == "/problems/too-busy"
        for path in HEALTH:
            assert caller.get(path).status_code == 200
        assert "stayline_requests_inside 4.0" in caller.get("/metrics").text
    assert {answer.status_code for answer in answers} <= {201, 503}
    assert caller.post("/v1/scores", json={"features": LEAVING}).status_code == 200
    assert "stayline_requests_inside 1.0" in caller.get("/metrics").text


def test_an_answer_that_takes_too_long_is_given_up_in_time_and_leaves_no_trace(
    strict: Service, caller: httpx.Client
) -> None:
    person = subscriber(caller, features=LEAVING)
    with interactions_locked(strict.settings):
        began = time.monotonic()
        answer = caller.post("/v1/interactions", json=call(person), headers={"idempotency-key": "late"}, timeout=30)
        assert SECONDS <= time.monotonic() - began < SECONDS + 0.4
        assert not_now(answer)["type"] == "/problems/out-of-time"
    assert caller.get("/v1/interactions", params={"subscriber_id": person}).json()["items"] == []
    again = caller.post("/v1/interactions", json=call(person), headers={"idempotency-key": "late"})
    assert (again.status_code, "idempotent-replayed" in again.headers) == (201, False)


def test_whoever_waited_in_vain_leaves_no_connection_behind(strict: Service, caller: httpx.Client) -> None:
    with full(strict):
        pass
    with open_store(strict.settings) as store:
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        assert store.execute(waiting).fetchone() == (0,)
    assert caller.get("/readyz/store").status_code == 200


def send(strict: Service, head: str, *pieces: bytes, pause: float = 0.0) -> bytes:
    port = strict.client.base_url.port
    with socket.create_connection(("127.0.0.1", port or 0), timeout=10) as connection:
        connection.sendall(head.replace("\n", "\r\n").encode())
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(pause)
        return connection.recv(65_536)


def head(strict: Service, length: int) -> str:
    return (
        f"POST /v1/scores HTTP/1.1\nhost: x\nauthorization: Bearer {strict.key}\n"
        f"content-type: application/json\ncontent-length: {length}\n\n"
    )


def test_a_body_that_does_not_arrive_is_not_waited_for(strict: Service) -> None:
    answer = send(strict, head(strict, 1000), b"{")
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in answer.lower()
    assert b"/problems/body-too-slow" in answer


def test_slow_bodies_take_up_nobodys_place(strict: Service, caller: httpx.Client) -> None:
    with ExitStack() as slow:
        for _ in range(MOST * 5):
            connection = socket.create_connection(("127.0.0.1", caller.base_url.port or 0))
            slow.enter_context(connection).sendall(head(strict, 1000).replace("\n", "\r\n").encode() + b"{")
        assert caller.post("/v1/scores", json={"features": LEAVING}).status_code == 200


def test_bodies_that_never_end_take_up_no_more_than_there_is(settings: Settings) -> None:
    """They are received before it is known whose they are: without a key, too."""
    start = (
        f"POST /v1/interactions/batch HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        f"content-length: {MOST_BATCH_BYTES}\r\n\r\n"
    ).encode()
    with serving(settings.model_copy(update={"most_held_mib": 32})) as running, ExitStack() as open_connections:
        for _ in range(2):
            sender = socket.create_connection(("127.0.0.1", running.client.base_url.port or 0), timeout=30)
            open_connections.enter_context(sender).sendall(start + bytes(MOST_BATCH_BYTES // 2))
        sender.sendall(bytes(2**16))
        assert sender.recv(12) == b"HTTP/1.1 503"
        assert running.client.get("/v1/models").status_code == 200


@pytest.fixture(scope="module")
def limited(new_database: Callable[[str], str], models_dir: Path, worker_id: str) -> Iterator[Service]:
    with serving(make_settings(new_database(f"limited_{worker_id}"), models_dir, rate_limit=RATE)) as running:
        yield running


def test_a_key_that_sends_too_much_is_told_so_and_its_neighbour_is_not_concerned(limited: Service) -> None:
    answers = [limited.client.get("/v1/models") for _ in range(RATE * 3)]
    refused = next(answer for answer in answers if answer.status_code != 200)

    assert answers[0].headers["ratelimit-policy"] == f'"key";q={RATE};w=1'
    assert answers[0].headers["ratelimit"] == f'"key";r={RATE - 1};t=1'
    assert problem(refused, 429)["type"] == "/problems/rate-exceeded"
    assert (refused.headers["ratelimit"], refused.headers["retry-after"]) == ('"key";r=0;t=1', "1")
    with limited.as_caller(make_key(limited.settings, SCOPES)) as neighbour:
        assert neighbour.get("/v1/models").status_code == 200
    time.sleep(1.0)
    assert limited.client.get("/v1/models").status_code == 200


def test_where_no_rate_is_set_none_is_told(api: httpx.Client) -> None:
    assert "ratelimit" not in api.get("/v1/models").headers
