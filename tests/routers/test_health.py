"""Liveness, readiness split by part, metrics."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from app.domain.jobs import Work
from tests.conftest import make_settings, serving
from tests.factories.answers import not_now
from tests.factories.bodies import question
from tests.factories.contacts import call
from tests.factories.dictionary import lay_dictionary
from tests.factories.subscribers import LEAVING, subscriber
from tests.factories.tables import open_store

READY = {"scoring": "ok", "store": "ok", "durability": "ok", "draining": False}


def told(answer: httpx.Response) -> tuple[int, dict[str, object]]:
    """What readiness says, but for how jobs go, which others may have asked for."""
    said: dict[str, object] = answer.json()
    assert said.pop("jobs") in set(Work)
    return answer.status_code, said


def test_all_is_well(api: httpx.Client) -> None:
    assert (api.get("/livez").status_code, api.get("/livez").json()) == (200, {"status": "ok"})
    for path in ("/readyz", "/readyz/store"):
        answer = api.get(path)
        assert told(answer) == (200, READY)


def test_metrics_are_what_prometheus_reads(api: httpx.Client) -> None:
    answer = api.get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert "stayline_store_up 1.0" in answer.text
    assert "stayline_scoring_up 1.0" in answer.text


def test_scores_and_decisions_are_counted(api: httpx.Client) -> None:
    def count(name: str) -> float:
        lines = api.get("/metrics").text.splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(f"{name}_total{{"))

    scores, decisions = count("stayline_scores"), count("stayline_decisions")
    asked = question(subscriber(api, features=LEAVING))
    api.post("/v1/scores", json={"features": LEAVING})
    api.post("/v1/decisions", json=asked)
    api.post("/v1/decisions", json=asked)

    assert count("stayline_scores") == scores + 1
    assert count("stayline_decisions") == decisions + 1


@pytest.mark.parametrize(
    "ruin",
    ["UPDATE alembic_version SET version_num = '0000'", "DELETE FROM alembic_version", "DROP TABLE alembic_version"],
)
def test_a_store_of_an_older_schema_is_not_ready_and_scoring_is(
    new_database: Callable[[str], str], models_dir: Path, worker_id: str, ruin: str
) -> None:
    name = ruin.split(maxsplit=1)[0].lower()
    with serving(make_settings(new_database(f"old_{name}_{worker_id}"), models_dir)) as running:
        with open_store(running.settings) as store:
            store.execute(ruin.encode())
        ready, of_store = running.client.get("/readyz"), running.client.get("/readyz/store")

        assert told(ready) == (200, READY | {"store": "old_schema"})
        assert told(of_store) == (503, READY | {"store": "old_schema"})
        assert running.client.post("/v1/scores", json={"features": LEAVING}).status_code == 200


def test_without_a_model_nothing_is_scored_and_contacts_are_recorded(
    new_database: Callable[[str], str], tmp_path: Path, worker_id: str
) -> None:
    settings = make_settings(new_database(f"no_model_{worker_id}"), tmp_path)
    lay_dictionary(settings)
    with serving(settings) as running:
        api = running.client
        subscriber_id = subscriber(api, features=LEAVING)
        ready = api.get("/readyz")

        assert told(ready) == (503, READY | {"scoring": "no_model"})
        assert api.get("/readyz/store").status_code == 200
        assert api.get("/livez").status_code == 200
        not_now(api.post("/v1/scores", json={"features": LEAVING}))
        not_now(api.post("/v1/scores", json={"subscriber_id": subscriber_id}))
        not_now(api.get("/v1/feature-schema"))
        not_now(api.post("/v1/decisions", json=question(subscriber_id)))
        assert api.post("/v1/interactions", json=call(subscriber_id)).status_code == 201
        assert api.get("/v1/models").json()["items"] == []


@pytest.mark.parametrize("name", ["synchronous_commit"])
def test_a_store_that_may_lose_what_it_confirmed_is_said_to(
    new_database: Callable[[str], str], models_dir: Path, worker_id: str, name: str
) -> None:
    url = new_database(f"hasty_{worker_id}")
    settings = make_settings(url, models_dir)
    with open_store(settings) as store:
        store.execute(f"ALTER DATABASE hasty_{worker_id} SET {name} = off".encode())
    with serving(settings) as running:
        ready = running.client.get("/readyz")

        assert told(ready) == (200, READY | {"durability": f"{name} is off"})
        assert "stayline_store_durable 0.0" in running.client.get("/metrics").text
