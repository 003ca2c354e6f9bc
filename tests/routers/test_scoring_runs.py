"""Scoring runs: everybody is scored once or counted as refused, whatever cuts the run short (requirement C11)."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psycopg
import pytest

from app.db import StoreUnavailable
from app.domain.access import SCOPES
from app.services.scoring_runs import CHUNK, RUNS_KEPT
from tests.conftest import make_key, make_settings, serving
from tests.factories.answers import problem, refused_fields
from tests.factories.dictionary import lay_dictionary
from tests.factories.runs import ask_for_run, score_base, work_off
from tests.factories.subscribers import LEAVING, STAYING, new_id, subscriber
from tests.factories.tables import open_store
from tests.service import Service


@pytest.fixture
def base(new_database: Callable[[str], str], models_dir: Path, worker_id: str) -> Iterator[Service]:
    """A service with nobody in its store."""
    settings = make_settings(new_database(f"base_{worker_id}_{new_id().replace('-', '_')}"), models_dir)
    lay_dictionary(settings)
    with serving(settings) as running:
        yield running


@pytest.fixture
def rows(base: Service) -> Iterator[psycopg.Connection]:
    with open_store(base.settings) as connection:
        yield connection


def count(rows: psycopg.Connection) -> int:
    found = rows.execute("SELECT count(*) FROM risk_scores").fetchone()
    assert found
    return int(found[0])


def multiply(rows: psycopg.Connection, one: str, times: int) -> None:
    """Have so many subscribers like this one, copy-00001 and so on."""
    rows.execute(
        "INSERT INTO subscribers SELECT copy.* FROM subscribers s, generate_series(1, %s) n, jsonb_populate_record(s,"
        " jsonb_build_object('subscriber_id', 'copy-' || to_char(n, 'FM00000'), 'pseudonym', gen_random_uuid())) copy"
        " WHERE s.subscriber_id = %s",
        [times, one],
    )
    rows.execute(
        "INSERT INTO feature_snapshots (subscriber_id, as_of, features, recorded_at)"
        " SELECT c.subscriber_id, f.as_of, f.features, f.recorded_at FROM feature_snapshots f, subscribers c"
        " WHERE f.subscriber_id = %s AND c.subscriber_id LIKE 'copy-%%'",
        [one],
    )


def test_everybody_is_scored_or_counted_as_refused(base: Service, rows: psycopg.Connection) -> None:
    api = base.client
    likely, unlikely = subscriber(api, features=LEAVING), subscriber(api, features=STAYING)
    subscriber(api)
    subscriber(api, features=LEAVING, consents={"profiling": False})
    subscriber(api, features={"monthly_charges": 20.0})
    subscriber(api, features=LEAVING, status="churned")
    duplicate = subscriber(api, features=LEAVING)
    api.post(f"/v1/subscribers/{unlikely}/merges", json={"duplicate_id": duplicate})

    job = ask_for_run(api)
    asked = api.get(job).json()
    assert (asked["state"], asked["model"], asked["begun_at"]) == ("queued", None, None)
    assert work_off(base.settings)["score"] == {"scored": 2, "refused": 3}

    done = api.get(job).json()
    assert done["state"] == "done"
    assert done["progress"] == {"total": 5, "done": 5, "scored": 2, "refused": 3}
    assert done["refusals"] == {"snapshot-missing": 1, "profiling-refused": 1, "features-refused": 1}
    assert done["model"]["version"] == api.get("/v1/models").json()["items"][0]["version"]
    assert done["requested_at"] <= done["begun_at"] <= done["ended_at"]
    scored: dict[str, float] = dict(rows.execute("SELECT subscriber_id, probability FROM risk_scores").fetchall())
    assert scored == {
        id: api.post("/v1/scores", json={"features": features}).json()["probability"]
        for id, features in ((likely, LEAVING), (unlikely, STAYING))
    }


def test_a_merged_person_is_scored_by_the_newest_that_is_known_of_them(base: Service, rows: psycopg.Connection) -> None:
    api = base.client
    person, duplicate = subscriber(api, features=STAYING), subscriber(api)
    api.put(f"/v1/subscribers/{duplicate}/snapshots/2026-11-01", json={"features": LEAVING})
    api.post(f"/v1/subscribers/{person}/merges", json={"duplicate_id": duplicate})
    score_base(api, base.settings)

    found = rows.execute("SELECT subscriber_id, as_of::text FROM risk_scores").fetchall()
    assert found == [(person, "2026-11-01")]


def test_nobody_there_is_a_run_that_is_done(base: Service) -> None:
    job = score_base(base.client, base.settings)

    assert base.client.get(job).json()["progress"] == {"total": 0, "done": 0, "scored": 0, "refused": 0}


def test_who_asks_again_meanwhile_is_told_of_the_same_run(base: Service) -> None:
    first = ask_for_run(base.client)
    again = base.client.post("/v1/scoring-runs", json={})
    assert (again.status_code, again.headers["location"]) == (200, first)
    work_off(base.settings)

    assert ask_for_run(base.client) != first


def test_a_run_that_was_cut_short_goes_on_where_it_stopped(base: Service, rows: psycopg.Connection) -> None:
    everybody = 2 * CHUNK + 500
    multiply(rows, subscriber(base.client, features=STAYING), everybody - 1)
    job = ask_for_run(base.client)
    rows.execute(
        "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " RAISE EXCEPTION 'no room' USING ERRCODE = '53100'; END $$"
    )
    rows.execute(
        "CREATE TRIGGER no_room BEFORE INSERT ON risk_scores FOR EACH ROW"
        f" WHEN (NEW.subscriber_id = 'copy-{CHUNK + 500:05}') EXECUTE FUNCTION no_room()".encode()
    )
    with pytest.raises(StoreUnavailable):
        work_off(base.settings)

    half = base.client.get(job).json()
    assert (half["state"], half["progress"]["done"]) == ("running", CHUNK)
    assert count(rows) == CHUNK
    rows.execute("DROP TRIGGER no_room ON risk_scores")
    assert work_off(base.settings)["score"] == {"scored": everybody - CHUNK, "refused": 0}
    assert base.client.get(job).json()["progress"]["scored"] == everybody == count(rows)


def test_a_model_that_is_gone_ends_the_run_with_its_reason(base: Service, rows: psycopg.Connection) -> None:
    job = ask_for_run(base.client)
    model = (
        '{"name": "gone", "version": "20260101-000000000000", "manifest_sha256": "", "sha256": "", "label_note": ""}'
    )
    rows.execute("UPDATE scoring_runs SET state = 'running', model = %s", [model])
    work_off(base.settings)

    ended = base.client.get(job).json()
    assert ended["state"] == "failed"
    assert "manifest.json" in ended["failure"]
    assert ask_for_run(base.client) != job


def test_readiness_says_how_the_work_goes(base: Service, rows: psycopg.Connection) -> None:
    def jobs() -> str:
        shown = base.client.get("/metrics").text
        state = str(base.client.get("/readyz").json()["jobs"])
        assert f"stayline_jobs_stalled {float(state == 'stalled')}" in shown
        return state

    assert jobs() == "idle"
    ask_for_run(base.client)
    assert jobs() == "working"
    rows.execute("UPDATE scoring_runs SET progressed_at = %s", [datetime.now(UTC) - timedelta(minutes=2)])
    assert jobs() == "stalled"
    work_off(base.settings)
    assert jobs() == "idle"


def test_scores_that_newer_runs_replaced_are_purged(base: Service, rows: psycopg.Connection) -> None:
    subscriber(base.client, features=STAYING)
    jobs = [score_base(base.client, base.settings) for _ in range(RUNS_KEPT + 1)]
    work_off(base.settings)

    kept = {str(run) for (run,) in rows.execute("SELECT DISTINCT run_id FROM risk_scores")}
    assert kept == {job.rpartition("/")[2] for job in jobs[-RUNS_KEPT:]}
    assert {base.client.get(job).json()["state"] for job in jobs} == {"done"}


def test_a_kind_without_a_model_is_refused(api: httpx.Client) -> None:
    assert refused_fields(api.post("/v1/scoring-runs", json={"churn_kind": "downgrade"})) == {"/churn_kind"}


def test_who_reaches_some_only_has_nobody_scored(service: Service) -> None:
    with service.as_caller(make_key(service.settings, SCOPES, regions=frozenset({"east"}))) as bounded:
        problem(bounded.post("/v1/scoring-runs", json={}), 403)


def test_a_job_that_nobody_asked_for_is_not_found(api: httpx.Client) -> None:
    problem(api.get("/v1/jobs/00000000-0000-7000-8000-000000000000"), 404)
