"""While the store is away: scores of given features, honest readiness, quick refusals; afterwards, all at once."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import pytest

from app.domain.access import SCOPES
from tests.conftest import make_key, make_settings, serving
from tests.factories.answers import not_now
from tests.factories.bodies import at_once
from tests.factories.contacts import call
from tests.factories.dictionary import lay_dictionary
from tests.factories.forwarder import Forwarder, forwarding
from tests.factories.grounds import Grounds, lay_grounds
from tests.factories.operations import Operation, closed
from tests.factories.subscribers import LEAVING
from tests.service import Service

PATIENCE = 3.0  # seconds: of the deadline, 1.8, and of a busy machine
HEALED = 5.0
STORELESS = {
    "score_subscriber",
    "get_feature_schema",
    "list_models",
    "get_model",
    "get_served_model",
    "get_served_version",
    "get_served_model_readiness",
    "get_served_version_readiness",
    "infer",
    "infer_version",
}
ways_to_be_away = pytest.mark.parametrize("away", ["refuse", "hold"])


@dataclass(frozen=True, slots=True)
class Remote:
    """A service whose road to the store can be closed."""

    service: Service
    road: Forwarder
    grounds: Grounds
    unused_key: str

    @property
    def api(self) -> httpx.Client:
        return self.service.client


@pytest.fixture(scope="module")
def started(new_database: Callable[[str], str], models_dir: Path, worker_id: str) -> Iterator[Remote]:
    direct = new_database(f"remote_{worker_id}")
    with forwarding(direct) as road:
        settings = make_settings(road.database_url, models_dir)
        lay_dictionary(settings)
        with serving(settings) as service:
            yield Remote(service, road, lay_grounds(service.client), make_key(settings, SCOPES))
            road.open()


@pytest.fixture
def remote(started: Remote) -> Iterator[Remote]:
    """The service with its store, which every test finds and leaves healthy."""
    assert started.api.get("/readyz/store").status_code == 200
    yield started
    started.road.open()
    heal(started)


def heal(remote: Remote) -> float:
    """Open the road and return how long it takes until a write succeeds."""
    started_at = time.monotonic()
    remote.road.open()
    body = call(remote.grounds.ids["subscriber_id"])
    while time.monotonic() < started_at + HEALED:
        if remote.api.post("/v1/interactions", json=body, timeout=HEALED).status_code == 201:
            break
    return time.monotonic() - started_at


def close(remote: Remote, away: str) -> None:
    getattr(remote.road, away)()


def timed(send: Callable[[], httpx.Response]) -> tuple[httpx.Response, float]:
    started_at = time.monotonic()
    answer = send()
    return answer, time.monotonic() - started_at


@ways_to_be_away
def test_given_features_are_scored_as_ever(remote: Remote, away: str) -> None:
    """Requirement K4."""
    before = remote.api.post("/v1/scores", json={"features": LEAVING}).json()
    close(remote, away)
    for _ in range(5):
        answer, seconds = timed(lambda: remote.api.post("/v1/scores", json={"features": LEAVING}))
        assert answer.json() == before
        assert seconds < 1


@ways_to_be_away
def test_readiness_tells_scoring_from_the_store(remote: Remote, away: str) -> None:
    close(remote, away)
    for path, status in (("/livez", 200), ("/readyz", 200), ("/readyz/store", 503)):
        answer, seconds = timed(partial(remote.api.get, path, timeout=30))
        assert answer.status_code == status
        assert seconds < PATIENCE
        if path != "/livez":
            assert answer.json() == {
                "scoring": "ok",
                "store": "down",
                "jobs": "unknown",
                "durability": "unknown",
                "draining": False,
            }


def test_metrics_show_that_the_store_is_away(remote: Remote) -> None:
    remote.road.refuse()

    assert "stayline_store_up 0.0" in remote.api.get("/metrics").text


@pytest.mark.parametrize("operation", [found for found in closed() if found.id not in STORELESS], ids=str)
def test_what_needs_the_store_says_to_come_back(remote: Remote, operation: Operation) -> None:
    remote.road.refuse()
    answer, seconds = timed(lambda: remote.grounds.request(operation).send(remote.api, timeout=30))

    not_now(answer)
    assert seconds < PATIENCE


def test_a_stored_subscriber_is_not_scored(remote: Remote) -> None:
    remote.road.refuse()

    not_now(remote.api.post("/v1/scores", json={"subscriber_id": remote.grounds.ids["subscriber_id"]}))


@pytest.mark.parametrize("operation_id", ["record_interaction", "get_subscriber"])
def test_a_store_that_is_silent_is_not_waited_for(remote: Remote, operation_id: str) -> None:
    operation = next(found for found in closed() if found.id == operation_id)
    remote.road.hold()
    answer, seconds = timed(lambda: remote.grounds.request(operation).send(remote.api, timeout=30))

    not_now(answer)
    assert seconds < PATIENCE


def test_many_at_once_are_not_waited_for_longer(remote: Remote) -> None:
    body = call(remote.grounds.ids["subscriber_id"])
    remote.road.refuse()
    answers = at_once(30, lambda _: timed(lambda: remote.api.post("/v1/interactions", json=body, timeout=30)))

    for answer, seconds in answers:
        not_now(answer)
        assert seconds < PATIENCE


def test_a_key_not_seen_before_cannot_be_verified(remote: Remote) -> None:
    remote.road.refuse()
    with remote.service.as_caller(remote.unused_key) as caller:
        not_now(caller.post("/v1/scores", json={"features": LEAVING}))


def test_what_is_no_key_is_refused_all_the_same(remote: Remote) -> None:
    remote.road.refuse()
    with remote.service.as_caller("nobody") as caller:
        assert caller.post("/v1/scores", json={"features": LEAVING}).status_code == 401


@ways_to_be_away
def test_when_the_store_is_back_a_write_succeeds_soon(remote: Remote, away: str) -> None:
    body = call(remote.grounds.ids["subscriber_id"])
    close(remote, away)
    remote.api.post("/v1/interactions", json=body, timeout=30)

    assert heal(remote) < HEALED
    assert remote.api.get("/readyz").json()["store"] == "ok"


def test_a_write_refused_in_the_outage_is_made_when_it_is_repeated(remote: Remote) -> None:
    body = call(remote.grounds.ids["subscriber_id"])
    key = {"idempotency-key": "through the outage"}
    remote.road.refuse()
    not_now(remote.api.post("/v1/interactions", json=body, headers=key))
    heal(remote)
    answer = remote.api.post("/v1/interactions", json=body, headers=key)

    assert answer.status_code == 201
    assert "idempotent-replayed" not in answer.headers
