"""Dated features of a subscriber."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.factories.answers import CANARY, problem, refused_fields
from tests.factories.bodies import at_once
from tests.factories.subscribers import LEAVING, STAYING, subscriber


def put(api: httpx.Client, subscriber_id: str, features: Any, as_of: str = "2026-10-31") -> httpx.Response:
    return api.put(f"/v1/subscribers/{subscriber_id}/snapshots/{as_of}", json={"features": features})


def test_a_snapshot_reads_as_it_was_put(api: httpx.Client) -> None:
    subscriber_id = subscriber(api)
    created = put(api, subscriber_id, LEAVING)
    path = f"/v1/subscribers/{subscriber_id}/snapshots/2026-10-31"

    assert created.status_code == 201
    assert created.headers["location"] == path
    assert created.json() == {"subscriber_id": subscriber_id, "as_of": "2026-10-31", "features": LEAVING}
    assert api.get(path).json() == created.json()


def test_a_snapshot_of_the_same_date_replaces_the_one_before(api: httpx.Client) -> None:
    subscriber_id = subscriber(api, features=LEAVING)
    replaced = put(api, subscriber_id, {"tenure_months": 2})

    assert replaced.status_code == 200
    assert replaced.json()["features"] == {"tenure_months": 2}


def test_snapshots_of_other_dates_stay(api: httpx.Client) -> None:
    subscriber_id = subscriber(api, features=LEAVING)
    put(api, subscriber_id, STAYING, "2026-11-01")

    assert api.get(f"/v1/subscribers/{subscriber_id}/snapshots/2026-10-31").json()["features"] == LEAVING
    assert api.get(f"/v1/subscribers/{subscriber_id}").json()["latest_snapshot"]["features"] == STAYING


def test_a_snapshot_put_by_many_at_once_is_created_once(api: httpx.Client) -> None:
    subscriber_id = subscriber(api)
    answers = at_once(10, lambda number: put(api, subscriber_id, {"tenure_months": number}))

    assert sorted(answer.status_code for answer in answers) == [200] * 9 + [201]


def test_a_missing_value_may_be_stored(api: httpx.Client) -> None:
    assert put(api, subscriber(api), {"total_charges": None}).json()["features"] == {"total_charges": None}


@pytest.mark.parametrize("number", [0, 1, 0.1, 1e-300, 123456.789, 1_000_000])
def test_a_number_is_kept_to_the_last_bit(api: httpx.Client, number: float) -> None:
    assert put(api, subscriber(api), {"monthly_charges": number}).json()["features"] == {"monthly_charges": number}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("shoe_size", 43),
        ("tenure_months", CANARY),
        ("tenure_months", "1"),
        ("tenure_months", True),
        ("tenure_months", [1]),
        ("tenure_months", -0.001),
        ("tenure_months", 1_000_000.1),
        ("tenure_months", 1e300),
        ("contract", 1),
        ("contract", False),
        ("contract", CANARY * 20),
        ("contract", {"level": CANARY}),
        ("senior", 1),
        ("senior", "yes"),
    ],
)
def test_a_feature_that_does_not_fit_the_dictionary_is_refused_by_name(
    api: httpx.Client, name: str, value: object
) -> None:
    subscriber_id = subscriber(api, features=LEAVING)

    assert refused_fields(put(api, subscriber_id, LEAVING | {name: value})) == {f"/features/{name}"}
    assert api.get(f"/v1/subscribers/{subscriber_id}").json()["latest_snapshot"]["features"] == LEAVING


def test_every_feature_that_does_not_fit_is_named(api: httpx.Client) -> None:
    wrong = LEAVING | {"tenure_months": -1, "contract": 1, "shoe_size": 43}

    assert refused_fields(put(api, subscriber(api), wrong)) == {
        "/features/contract",
        "/features/shoe_size",
        "/features/tenure_months",
    }


def test_the_name_of_an_unknown_feature_is_escaped_in_its_pointer(api: httpx.Client) -> None:
    assert refused_fields(put(api, subscriber(api), {"a/b~c": 1})) == {"/features/a~1b~0c"}


@pytest.mark.parametrize("name", ["", "x" * 65, "a\u0007b"])
def test_a_feature_name_that_cannot_be_is_refused(api: httpx.Client, name: str) -> None:
    assert refused_fields(put(api, subscriber(api), {name: 1}))


def test_more_features_than_a_dictionary_holds_are_refused(api: httpx.Client) -> None:
    assert refused_fields(put(api, subscriber(api), {f"f{number}": 1 for number in range(501)})) == {"/features"}


@pytest.mark.parametrize("as_of", ["20261031", "2026-10", "2026-02-30", "2026-10-31T00:00:00Z", "1899-12-31", "today"])
def test_what_is_no_date_is_refused(api: httpx.Client, as_of: str) -> None:
    assert refused_fields(put(api, subscriber(api), LEAVING, as_of)) == {"/path/as_of"}


def test_a_snapshot_of_the_future_is_refused(api: httpx.Client) -> None:
    """Nobody knows yet what will hold on that day, and until then it would hide every real snapshot."""
    in_two_days = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()

    assert refused_fields(put(api, subscriber(api), LEAVING, in_two_days)) == {"/path/as_of"}


def test_what_is_not_there_is_not_found(api: httpx.Client) -> None:
    problem(put(api, "nobody", LEAVING), 404)
    problem(api.get("/v1/subscribers/nobody/snapshots/2026-10-31"), 404)
    problem(api.get(f"/v1/subscribers/{subscriber(api, features=LEAVING)}/snapshots/2026-10-30"), 404)
