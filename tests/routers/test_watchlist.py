"""The watchlist: those above the threshold, in stable order, each with what to do or why nothing (C12, C17)."""

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pyarrow.parquet
import pytest

from app.domain.access import SCOPES
from app.schemas.base import encode_cursor
from tests.conftest import make_key, make_settings, serving
from tests.factories.answers import problem, refused_fields
from tests.factories.dictionary import lay_dictionary
from tests.factories.runs import score_base
from tests.factories.subscribers import LEAVING, STAYING, subscriber
from tests.factories.tables import open_store
from tests.service import Service, eventually

PATH = "/v1/watchlist"
CSV = {"accept": "text/csv"}
PARQUET = {"accept": "application/vnd.apache.parquet"}


@pytest.fixture(scope="module")
def watched(new_database: Callable[[str], str], models_dir: Path, worker_id: str) -> Iterator[Service]:
    """A service whose base was scored: twelve likely churners of several kinds, two who stay."""
    settings = make_settings(new_database(f"watched_{worker_id}"), models_dir)
    lay_dictionary(settings)
    with serving(settings) as running:
        assert running.client.get(PATH).json() == {"run": None, "threshold": None, "items": [], "next_cursor": None}
        for number in range(12):
            profile = {
                "region": ("east", "west")[number % 2],
                "brand": "gold",
                "value_tier": ("high", "low")[number % 2],
            }
            charged = {"monthly_charges": 80.0 + number // 3 * 5}  # some are as likely as others
            consents = {"consents": {"all": False}} if number == 4 else {}
            subscriber(running.client, features=LEAVING | charged, **profile, **consents)
        for _ in range(2):
            subscriber(running.client, features=STAYING)
        score_base(running.client, settings)
        yield running


@pytest.fixture
def listed(watched: Service) -> httpx.Client:
    return watched.client


def entries(api: httpx.Client, **asked: Any) -> list[dict[str, Any]]:
    answer = api.get(PATH, params=asked)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def order(items: list[dict[str, Any]]) -> list[tuple[float, str]]:
    return [(-item["probability"], item["subscriber_id"]) for item in items]


def test_the_list_is_those_above_the_threshold_most_likely_first(listed: httpx.Client) -> None:
    everybody = entries(listed, threshold=0)
    answer = listed.get(PATH).json()

    assert len(everybody) == 13  # who refuses profiling is not on it
    assert order(everybody) == sorted(order(everybody))
    bands = listed.get("/v1/feature-schema").json()["bands"]
    [high] = [band["from_probability"] for band in bands if band["name"] == "high"]
    assert answer["threshold"] == high
    assert answer["items"] == [item for item in everybody if item["probability"] >= high]
    assert 0 < len(answer["items"]) < len(everybody)


def test_an_entry_says_what_a_score_says(listed: httpx.Client) -> None:
    for item in entries(listed, threshold=0):
        score = listed.post("/v1/scores", json={"subscriber_id": item["subscriber_id"]}).json()
        same = ("band", "as_of", "stale")
        assert [item[name] for name in same] == [score[name] for name in same]
        assert item["probability"] == pytest.approx(score["probability"], abs=1e-12)
        assert [driver["feature"] for driver in item["drivers"]] == [d["feature"] for d in score["drivers"]]
        assert [driver["contribution"] for driver in item["drivers"]] == pytest.approx(
            [driver["contribution"] for driver in score["drivers"]], abs=1e-12
        )


def test_every_entry_has_an_action_or_a_reason_and_never_both(listed: httpx.Client) -> None:
    found = entries(listed, threshold=0)
    for item in found:
        assert (item["next_action"] is None) != (item["none_because"] is None)
    weighed = [item for item in found if item["band"] in {"high", "critical"}]
    assert any(item["next_action"] for item in weighed)
    for item in weighed:
        if action := item["next_action"]:
            assert listed.get(f"/v1/actions/{action['code']}").json()["name"] == action["name"]


def test_what_is_recommended_is_what_a_preview_recommends(listed: httpx.Client) -> None:
    item = next(item for item in entries(listed) if item["next_action"])
    asked = {"channel": "call", "direction": "outbound"}
    seen = listed.get(f"/v1/subscribers/{item['subscriber_id']}/next-best-actions", params=asked).json()

    assert item["next_action"]["code"] in {entry["action"] for entry in seen["trace"]}


def test_pages_make_up_the_list(listed: httpx.Client) -> None:
    asked: dict[str, Any] = {"threshold": 0, "limit": 5}
    found, cursor = [], None
    while True:
        page = listed.get(PATH, params=asked | ({"cursor": cursor} if cursor else {})).json()
        found += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert found == entries(listed, threshold=0)


@pytest.mark.parametrize(
    ("asked", "field"), [("region", "region"), ("brand", "brand"), ("segment", "value_tier"), ("band", "band")]
)
def test_a_filter_keeps_whom_it_names(listed: httpx.Client, asked: str, field: str) -> None:
    everybody = entries(listed, threshold=0)
    for value in {item[field] for item in everybody} - {None}:
        least = {} if asked == "band" else {"threshold": 0}
        assert entries(listed, **{asked: value}, **least) == [item for item in everybody if item[field] == value]


def test_as_csv_and_as_parquet_it_says_the_same(listed: httpx.Client) -> None:
    everybody = entries(listed, threshold=0)
    as_csv = listed.get(PATH, params={"threshold": 0}, headers=CSV)
    as_parquet = listed.get(PATH, params={"threshold": 0}, headers=PARQUET)

    assert (as_csv.headers["content-type"], as_parquet.headers["content-type"]) == (
        "text/csv; charset=utf-8",
        PARQUET["accept"],
    )
    assert "link" not in as_csv.headers
    lines = list(csv.DictReader(io.StringIO(as_csv.text)))
    table = pyarrow.parquet.read_table(io.BytesIO(as_parquet.content)).to_pylist()
    assert [line["id"] for line in lines] == [row["id"] for row in table] == [e["subscriber_id"] for e in everybody]
    for line, row, item in zip(lines, table, everybody, strict=True):
        assert float(line["probability"]) == row["probability"] == item["probability"]
        assert line["driver_1"] == row["driver_1"] == item["drivers"][0]["feature"]
        assert (line["next_action"] or None) == row["next_action"] == (item["next_action"] or {}).get("code")
        assert (line["none_because"] or None) == row["none_because"] == item["none_because"]


@pytest.mark.parametrize("form", [CSV, PARQUET])
def test_taking_it_away_needs_a_scope_of_its_own(watched: Service, form: dict[str, str]) -> None:
    with watched.as_caller(make_key(watched.settings, SCOPES - {"watchlist:export"})) as reader:
        assert reader.get(PATH).status_code == 200
        problem(reader.get(PATH, headers=form), 403)


@pytest.mark.parametrize("form", [CSV, PARQUET])
def test_who_took_it_away_is_noted_with_everybody_on_it(watched: Service, form: dict[str, str]) -> None:
    answer = watched.client.get(PATH, headers=form)
    ids = [item["subscriber_id"] for item in entries(watched.client)]

    def noted(id: str) -> set[str]:
        found = watched.client.get(f"/v1/subscribers/{id}/accesses").json()["items"]
        return {entry["request_id"] for entry in found}

    eventually(lambda: all(answer.headers["x-request-id"] in noted(id) for id in ids))


def test_a_bounded_caller_sees_their_own_region(watched: Service) -> None:
    with watched.as_caller(make_key(watched.settings, SCOPES, regions=frozenset({"east"}))) as east:
        assert {item["region"] for item in entries(east, threshold=0)} == {"east"}
        assert entries(east, threshold=0, region="west") == []


@pytest.mark.parametrize("asked", [{"threshold": 2}, {"threshold": "nan"}, {"band": "dire"}, {"limit": 201}])
def test_what_makes_no_sense_is_refused_by_name(listed: httpx.Client, asked: dict[str, Any]) -> None:
    assert refused_fields(listed.get(PATH, params=asked)) == {f"/query/{next(iter(asked))}"}


def test_a_band_and_a_threshold_are_not_asked_for_together(listed: httpx.Client) -> None:
    assert refused_fields(listed.get(PATH, params={"band": "low", "threshold": 0.5})) == {"/query/threshold"}


@pytest.mark.parametrize("cursor", ["x", encode_cursor("a", "b", "c"), encode_cursor("a")])
def test_a_cursor_of_something_else_is_refused(listed: httpx.Client, cursor: str) -> None:
    assert refused_fields(listed.get(PATH, params={"cursor": cursor})) == {"/query/cursor"}


def test_a_list_that_is_being_read_stays_as_it_is_and_ends_with_the_run_after_next(watched: Service) -> None:
    api = watched.client
    everybody = entries(api, threshold=0)
    first = api.get(PATH, params={"threshold": 0, "limit": 5}).json()
    subscriber(api, features=LEAVING)
    score_base(api, watched.settings)
    rest = api.get(PATH, params={"threshold": 0, "cursor": first["next_cursor"]}).json()
    assert first["items"] + rest["items"] == everybody
    assert len(entries(api, threshold=0)) == len(everybody) + 1

    score_base(api, watched.settings)
    assert refused_fields(api.get(PATH, params={"cursor": first["next_cursor"]})) == {"/query/cursor"}


def test_who_left_was_merged_erased_or_refuses_is_on_the_list_no_more(watched: Service) -> None:
    api = watched.client
    ids = [item["subscriber_id"] for item in entries(api)]
    left, merged, erased, refuses, stays = ids[:5]
    api.put(f"/v1/subscribers/{left}", json={"status": "churned"})
    api.post(f"/v1/subscribers/{stays}/merges", json={"duplicate_id": merged})
    assert api.delete(f"/v1/subscribers/{erased}").status_code == 204
    refused = api.patch(
        f"/v1/subscribers/{refuses}", json={"consents": {"profiling": False}}, headers={"if-match": "*"}
    )
    assert refused.status_code == 200

    assert [item["subscriber_id"] for item in entries(api)] == ids[4:]


def test_a_long_list_leads_on(watched: Service) -> None:
    api = watched.client
    with open_store(watched.settings) as rows:
        _lengthen(rows)
    ids: list[str] = []
    path: str | None = f"{PATH}?threshold=0&region=south"
    while path:
        answer = api.get(path, headers=PARQUET)
        ids += pyarrow.parquet.read_table(io.BytesIO(answer.content))["id"].to_pylist()
        link = answer.headers.get("link")
        path = link and link.partition("<")[2].partition(">")[0]

    assert len(ids) == len(set(ids)) == 12_000


def _lengthen(rows: psycopg.Connection) -> None:
    """Put twelve thousand more on the last list, all as likely as one another."""
    rows.execute(
        "INSERT INTO subscribers (subscriber_id, pseudonym, data_key, status, region, consents, version, created_at,"
        " updated_at) SELECT 'long-' || n, gen_random_uuid(), '', 'active', 'south', '{}', 1, now(), now()"
        " FROM generate_series(1, 12000) n"
    )
    rows.execute(
        "INSERT INTO risk_scores SELECT subscriber_id, (SELECT id FROM scoring_runs ORDER BY ended_at DESC LIMIT 1),"
        " 0.5, 'medium', '2026-10-31', '[]', NULL, 'made up' FROM subscribers WHERE region = 'south'"
    )
