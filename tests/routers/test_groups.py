"""Groups of subscribers on one plan (D1–D3), and what their members tell of them."""

from typing import Any

import httpx
import pytest
from psycopg import Connection

from tests.factories.answers import problem, refused_fields
from tests.factories.pages import walk
from tests.factories.subscribers import LEAVING, new_id, subscriber

WORKS: dict[str, Any] = {
    "name": "Riverside Works",
    "plan": "vpmn-flat",
    "flat_fee": True,
    "rental_free": True,
    "corporate_account": True,
    "payer": "group",
    "owner": "agent-7",
}
UNTOLD = {"in_group_call_share": None, "monthly_revenue": None, "co_location_share": None}


def path(group_id: str) -> str:
    return f"/v1/groups/{group_id}"


def group(api: httpx.Client, **fields: Any) -> str:
    group_id = f"vpmn-{new_id()}"
    assert api.put(path(group_id), json=WORKS | fields).status_code == 201
    return group_id


def test_a_group_reads_as_it_was_put(api: httpx.Client) -> None:
    """(D1, D2)"""
    group_id = f"vpmn-{new_id()}"
    created = api.put(path(group_id), json=WORKS)
    read = api.get(path(group_id))

    assert (created.status_code, created.headers["location"]) == (201, path(group_id))
    assert read.json() == created.json()
    assert (
        WORKS | {"group_id": group_id, "member_count": 0, "features": UNTOLD, "version": 1}
    ).items() <= read.json().items()
    assert read.headers["etag"] == created.headers["etag"] == '"1"'


def test_putting_replaces_what_was_said_and_the_same_again_changes_nothing(api: httpx.Client) -> None:
    """(D1)"""
    group_id = group(api)
    replaced = api.put(path(group_id), json={"name": "Works"})
    again = api.put(path(group_id), json={"name": "Works"})

    assert (replaced.status_code, replaced.headers["etag"]) == (200, '"2"')
    said = replaced.json()
    assert (said["name"], said["plan"], said["flat_fee"], said["payer"]) == ("Works", None, False, "group")
    assert again.json() == replaced.json()


def test_a_group_that_has_members_cannot_be_deleted(api: httpx.Client) -> None:
    """(D1)"""
    group_id = group(api)
    member = subscriber(api, group_id=group_id)
    problem(api.delete(path(group_id)), 409)
    api.put(f"/v1/subscribers/{member}", json={})

    assert api.delete(path(group_id)).status_code == 204
    problem(api.get(path(group_id)), 404)
    problem(api.delete(path(group_id)), 404)
    problem(api.get(f"{path(group_id)}/members"), 404)


def test_the_members_are_those_whose_profiles_name_the_group(api: httpx.Client) -> None:
    """(D1)"""
    group_id = group(api)
    members = sorted(subscriber(api, group_id=group_id) for _ in range(5))
    subscriber(api, group_id=f"{group_id}-b")

    assert walk(api, f"{path(group_id)}/members", 2) == [{"subscriber_id": member} for member in members]
    assert api.get(path(group_id)).json()["member_count"] == 5


def test_who_is_merged_into_another_id_counts_once(api: httpx.Client) -> None:
    """(B17)"""
    group_id = group(api)
    one, two = (subscriber(api, group_id=group_id) for _ in range(2))
    api.post(f"/v1/subscribers/{one}/merges", json={"duplicate_id": two})

    assert api.get(path(group_id)).json()["member_count"] == 1
    assert walk(api, f"{path(group_id)}/members", 2) == [{"subscriber_id": one}]


@pytest.fixture
def in_group_call_share(store: Connection) -> None:
    store.execute(
        "INSERT INTO features VALUES ('in_group_call_share', 'number', NULL, 0, 1, '{}', 'test', now())"
        " ON CONFLICT DO NOTHING"
    )


@pytest.mark.usefixtures("in_group_call_share")
def test_the_features_of_a_group_are_told_from_its_members_latest_snapshots(api: httpx.Client) -> None:
    """(D2, D3)"""
    group_id = group(api)
    east = [
        subscriber(
            api, group_id=group_id, region="east", features={"monthly_charges": 20.5, "in_group_call_share": 0.9}
        ),
        subscriber(api, group_id=group_id, region="east", features={"monthly_charges": 10, "in_group_call_share": 0.6}),
    ]
    subscriber(api, group_id=group_id, region="west", features={"contract": "Two year"})
    subscriber(api, group_id=group_id)
    older = {"features": {"monthly_charges": 999, "in_group_call_share": 0}}
    assert api.put(f"/v1/subscribers/{east[0]}/snapshots/2026-09-30", json=older).status_code == 201
    told = api.get(path(group_id)).json()["features"]

    assert told["in_group_call_share"] == pytest.approx(0.75)
    assert told["monthly_revenue"] == "30.50"
    assert told["co_location_share"] == 0.5


def test_groups_are_listed_with_what_is_told_of_each(api: httpx.Client) -> None:
    """(D1)"""
    with_member, without = group(api), group(api)
    subscriber(api, group_id=with_member, region="east", features=LEAVING)
    listed = {found["group_id"]: found for found in walk(api, "/v1/groups", 2)}

    assert listed[with_member] == api.get(path(with_member)).json()
    assert listed[with_member]["features"]["co_location_share"] == 1.0
    assert (listed[without]["member_count"], listed[without]["features"]) == (0, UNTOLD)


@pytest.mark.parametrize(
    ("field", "value"), [("name", ""), ("name", None), ("flat_fee", "yes"), ("payer", "mother"), ("members", [])]
)
def test_a_group_is_refused_by_the_name_of_its_field(api: httpx.Client, field: str, value: object) -> None:
    assert refused_fields(api.put(path(new_id()), json=WORKS | {field: value})) == {f"/{field}"}
