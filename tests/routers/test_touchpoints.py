"""The touchpoint catalogue: what serves whom where (F33), and the one promise of a need (F28)."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.factories.answers import CANARY, problem, refused_fields
from tests.factories.bodies import at_once
from tests.factories.pages import walk

PATH = "/v1/touchpoints"


def body(**others: Any) -> dict[str, Any]:
    return {
        "name": "Desk for bills",
        "category": "personnel",
        "stage": "satisfaction",
        "kind": "person_person",
        "channels": ["call"],
        "promise_hours": 24,
    } | others


def code() -> str:
    return f"desk-{uuid4().hex[:8]}"


def test_a_touchpoint_is_created_and_replaced(api: httpx.Client) -> None:
    path = f"{PATH}/{code()}"
    said = body(sense="visual", customer_types=["vip"], services=["mobile"], standard="No wait", discovered="inward")
    created = api.put(path, json=said)
    replaced = api.put(path, json=body(promise_hours=48))

    assert (created.status_code, replaced.status_code) == (201, 200)
    assert created.headers["location"] == path
    assert said.items() <= created.json().items()
    assert api.get(path).json() == replaced.json()
    assert (replaced.json()["customer_types"], replaced.json()["need"], replaced.json()["promise_hours"]) == (
        [],
        None,
        48,
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("category", CANARY),
        ("stage", "later"),
        ("kind", "person"),
        ("sense", "sixth"),
        ("customer_types", ["nobody"]),
        ("services", "mobile"),
        ("channels", []),
        ("channels", ["smoke"]),
        ("promise_hours", 0),
        ("promise_hours", 24.5),
        ("need", "Bill Dispute"),
        ("discovered", "sideways"),
    ],
)
def test_a_touchpoint_is_refused_by_the_name_of_its_field(api: httpx.Client, field: str, value: object) -> None:
    found = refused_fields(api.put(f"{PATH}/{code()}", json=body(**{field: value})))

    assert {pointer.removesuffix("/0") for pointer in found} == {f"/{field}"}


def test_two_promises_for_one_need_are_a_conflict(api: httpx.Client) -> None:
    """Requirement F28: 24 hours against 48 for one kind of dispute."""
    need, first, second = f"dispute-{uuid4().hex[:8]}", code(), code()
    api.put(f"{PATH}/{first}", json=body(need=need, promise_hours=24))
    answer = api.put(f"{PATH}/{second}", json=body(need=need, promise_hours=48))
    found = problem(answer, 409)

    assert found["type"] == "/problems/promise-conflict"
    assert [error["pointer"] for error in found["errors"]] == ["/promise_hours"]
    assert all(part in found["detail"] for part in ("24", "48", first, need))
    problem(api.get(f"{PATH}/{second}"), 404)
    assert api.put(f"{PATH}/{second}", json=body(need=need, promise_hours=24)).status_code == 201
    problem(api.put(f"{PATH}/{first}", json=body(need=need, promise_hours=12)), 409)


def test_the_only_touchpoint_of_a_need_may_change_its_promise(api: httpx.Client) -> None:
    need, path = f"dispute-{uuid4().hex[:8]}", f"{PATH}/{code()}"

    assert [api.put(path, json=body(need=need, promise_hours=hours)).status_code for hours in (24, 48)] == [201, 200]


def test_of_two_promises_made_at_once_one_is_refused(api: httpx.Client) -> None:
    need = f"dispute-{uuid4().hex[:8]}"

    def put(turn: int) -> int:
        return api.put(f"{PATH}/{code()}", json=body(need=need, promise_hours=24 * (turn + 1))).status_code

    assert sorted(at_once(6, put)) == [201, 409, 409, 409, 409, 409]


def test_the_catalogue_tells_what_serves_whom_where(api: httpx.Client) -> None:
    """Requirement F33: different for each customer, service and channel; an empty list serves all."""
    vip, everyone, other = code(), code(), code()
    api.put(f"{PATH}/{vip}", json=body(customer_types=["vip"], services=["tv"], channels=["call", "web"]))
    api.put(f"{PATH}/{everyone}", json=body(channels=["web"]))
    api.put(f"{PATH}/{other}", json=body(customer_types=["prospect"], services=["tv"], channels=["web"]))
    found = {item["code"] for item in walk(api, PATH, 200, customer_type="vip", service="tv", channel="web")}

    assert {vip, everyone} <= found
    assert other not in found
    assert "hotline" not in found  # it is called


@pytest.mark.parametrize(
    ("query", "least"), [({"category": "brand"}, 10), ({"stage": "site"}, 10), ({"kind": "person_person"}, 10)]
)
def test_the_catalogue_is_narrowed_by_what_a_touchpoint_is(
    api: httpx.Client, query: dict[str, str], least: int
) -> None:
    """Requirements F2, F3 and F4."""
    [(name, value)] = query.items()
    found = walk(api, PATH, 200, **query)

    assert len(found) >= least
    assert {item[name] for item in found} == {value}


def test_a_hundred_touchpoints_are_there_from_the_start(api: httpx.Client) -> None:
    """Requirement F1."""
    assert len(walk(api, PATH, 200)) >= 100
