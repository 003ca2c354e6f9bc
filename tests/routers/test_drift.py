"""What was scored lately against what the model was made on: asked over HTTP, and shown as metrics."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from app.domain.access import SCOPES
from app.domain.drift import LEAST_ROWS
from app.settings import Settings
from tests.conftest import make_key, make_settings, serving
from tests.factories.answers import not_now, problem, refused_fields
from tests.factories.bodies import question
from tests.factories.dictionary import lay_dictionary
from tests.factories.forwarder import forwarding
from tests.factories.models import TELCO_MAPPING
from tests.factories.population import Row, score_all, training_rows
from tests.factories.subscribers import LEAVING, subscriber
from tests.factories.tables import open_store
from tests.service import Service


@pytest.fixture(scope="module")
def population(telco_csv: Path) -> list[Row]:
    rows = training_rows(telco_csv, TELCO_MAPPING, every=20)
    assert len(rows) > LEAST_ROWS
    return rows


@pytest.fixture(scope="module")
def apart(new_database: Callable[[str], str], models_dir: Path, worker_id: str) -> Settings:
    """Settings of a service with a database of its own."""
    settings = make_settings(new_database(f"drift_{worker_id}"), models_dir)
    lay_dictionary(settings)
    return settings


@pytest.fixture
def store(apart: Settings) -> Iterator[psycopg.Connection]:
    with open_store(apart) as connection:
        connection.execute("DELETE FROM score_traffic")
        yield connection


@pytest.fixture
def fresh(apart: Settings, store: psycopg.Connection) -> Iterator[Service]:  # noqa: ARG001  # emptied first
    """A service that has scored nothing yet."""
    with serving(apart) as running:
        yield running


@pytest.fixture(scope="module")
def settled(
    new_database: Callable[[str], str], models_dir: Path, worker_id: str, population: list[Row]
) -> Iterator[httpx.Client]:
    """A service that scored the population once, to be looked at."""
    with serving(make_settings(new_database(f"settled_{worker_id}"), models_dir)) as running:
        score_all(running.client, population)
        yield running.client


def path(api: httpx.Client) -> str:
    model = api.get("/v1/models").json()["items"][0]
    return f"/v1/models/{model['name']}/versions/{model['version']}/drift"


def drift(api: httpx.Client, **params: int) -> Any:
    answer = api.get(path(api), params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def levels(answer: Any) -> dict[str, str]:
    return {feature["name"]: feature["level"] for feature in answer["features"]}


def metric(api: httpx.Client, name: str) -> dict[str, float]:
    """The samples of a metric, by the feature they are of ("" where they are of none)."""
    text = api.get("/metrics").text
    found = re.findall(rf'^{name}\{{churn_kind="port_out"(?:,feature="(\w+)")?\}} (\S+)$', text, re.MULTILINE)
    return {feature: float(value) for feature, value in found}


def test_traffic_like_the_training_rows_is_stable(settled: httpx.Client, population: list[Row]) -> None:
    answer = drift(settled)

    assert answer["rows"] == len(population)
    assert set(levels(answer).values()) == {"stable"}
    assert levels(answer).keys() == LEAVING.keys()
    assert answer["score"]["level"] == "stable"
    assert answer["since"] == (datetime.now(UTC).date() - timedelta(days=7)).isoformat()
    for found in [answer["score"], *answer["features"]]:
        assert 0 <= found["psi"] < 0.10
        assert 0 < found["noise"] <= 0.05


def test_metrics_show_what_this_process_scored(settled: httpx.Client, population: list[Row]) -> None:
    answer = drift(settled)

    assert metric(settled, "stayline_drift_rows") == {"": len(population)}
    assert metric(settled, "stayline_score_drift_psi") == {"": pytest.approx(answer["score"]["psi"])}
    assert metric(settled, "stayline_drift_psi") == {
        feature["name"]: pytest.approx(feature["psi"]) for feature in answer["features"]
    }


def test_a_feature_that_moved_is_named_first_and_alone(fresh: Service, population: list[Row]) -> None:
    score_all(fresh.client, [row | {"monthly_charges": row["monthly_charges"] * 1.5} for row in population])
    answer = drift(fresh.client)

    assert answer["features"][0]["name"] == "monthly_charges"
    assert {name for name, level in levels(answer).items() if level != "stable"} == {"monthly_charges"}
    assert answer["features"][0]["level"] == "major"
    indexes = [feature["psi"] for feature in answer["features"]]
    assert indexes == sorted(indexes, reverse=True)


def test_values_that_went_missing_are_drift_and_shown_as_a_share(fresh: Service, population: list[Row]) -> None:
    gone = [row | {"total_charges": None} if number % 2 else row for number, row in enumerate(population)]
    score_all(fresh.client, gone)
    first = drift(fresh.client)["features"][0]

    assert (first["name"], first["level"]) == ("total_charges", "major")
    assert first["missing_share"] == pytest.approx(0.5, abs=0.01)
    assert 0 < first["reference_missing_share"] < 0.01


def test_before_anything_is_scored_there_is_nothing_to_say(fresh: Service) -> None:
    answer = drift(fresh.client)

    assert answer["rows"] == 0
    assert answer["score"] == {"psi": None, "noise": None, "level": "not_enough_data"}
    assert {(found["psi"], found["missing_share"]) for found in answer["features"]} == {(None, None)}


def test_a_few_rows_are_not_enough_for_a_level(fresh: Service, population: list[Row]) -> None:
    score_all(fresh.client, population[:20])
    answer = drift(fresh.client)

    assert answer["rows"] == 20
    assert set(levels(answer).values()) == {answer["score"]["level"]} == {"not_enough_data"}
    assert metric(fresh.client, "stayline_drift_rows") == {"": 20}
    assert metric(fresh.client, "stayline_drift_psi") == {}


def test_a_decision_is_traffic_and_what_is_not_recorded_is_not(fresh: Service) -> None:
    api = fresh.client
    subscriber_id = subscriber(api, features=LEAVING)
    api.post("/v1/scores", json={"features": {}})
    api.get(f"/v1/subscribers/{subscriber_id}/next-best-actions", params={"channel": "call"})
    assert drift(api)["rows"] == 0
    for _ in range(2):  # the second time it is the same decision
        api.post("/v1/decisions", json=question(subscriber_id))
    assert drift(api)["rows"] == 1
    api.post("/v1/scores", json={"subscriber_id": subscriber_id})
    assert drift(api)["rows"] == 2


def test_counts_outlive_the_service(apart: Settings, store: psycopg.Connection, population: list[Row]) -> None:
    with serving(apart) as before:
        score_all(before.client, population[:50])
        counted = drift(before.client)
    assert store.execute("SELECT count(*) FROM score_traffic").fetchone() == (1,)
    with serving(apart) as after:
        assert drift(after.client) == counted
        assert metric(after.client, "stayline_drift_rows") == {"": 0}
        score_all(after.client, population[50:80])
        assert drift(after.client)["rows"] == 80


def test_days_that_were_not_asked_for_are_left_out(fresh: Service, store: psycopg.Connection, apart: Settings) -> None:
    score_all(fresh.client, [LEAVING] * 8)
    with serving(apart) as other:
        score_all(other.client, [LEAVING] * 4)
    store.execute("UPDATE score_traffic SET day = day - 8")

    assert drift(fresh.client)["rows"] == 8
    assert drift(fresh.client, days=8)["rows"] == 12


def test_only_counts_are_kept(store: psycopg.Connection) -> None:
    columns = store.execute(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'score_traffic'"
    )
    assert dict(columns.fetchall()) == {
        "name": "character varying",
        "version": "character varying",
        "day": "date",
        "worker_id": "uuid",
        "counts": "ARRAY",
    }


def test_while_the_store_is_away_traffic_is_counted_and_kept(
    new_database: Callable[[str], str], models_dir: Path, worker_id: str
) -> None:
    direct = new_database(f"drift_road_{worker_id}")
    with forwarding(direct) as road:
        settings = make_settings(road.database_url, models_dir)
        with serving(settings) as running:
            score_all(running.client, [LEAVING] * 4)
            road.refuse()
            score_all(running.client, [LEAVING] * 4)
            not_now(running.client.get(path(running.client)))
            road.open()
            assert drift(running.client)["rows"] == 8
    with open_store(make_settings(direct, models_dir)) as store:
        row = store.execute("SELECT counts[1:3], (SELECT sum(c) FROM unnest(counts) c) FROM score_traffic").fetchone()
        assert row is not None
        assert (sum(row[0]), row[1]) == (8, 8 * (len(LEAVING) + 1))


@pytest.mark.parametrize("days", ["0", "36", "-1", "1.5", "all"])
def test_a_window_that_is_not_kept_is_refused(api: httpx.Client, days: str) -> None:
    assert refused_fields(api.get(path(api), params={"days": days})) == {"/query/days"}


@pytest.mark.parametrize("unknown", ["nothing/versions/20261031-0123456789ab", "churn/versions/20261031-0123456789ab"])
def test_an_unknown_version_is_not_found(api: httpx.Client, unknown: str) -> None:
    assert problem(api.get(f"/v1/models/{unknown}/drift"), 404)["type"] == "/problems/model-not-found"


def test_whoever_may_score_may_see_drift(service: Service) -> None:
    for scope, status in (("scores:read", 200), *((scope, 403) for scope in sorted(SCOPES - {"scores:read"})[:2])):
        with service.as_caller(make_key(service.settings, {scope})) as caller:
            assert caller.get(path(service.client)).status_code == status
