"""Where a subscriber stands, and what a profile said before: every change is a version, and none is lost."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest

from tests.factories.answers import problem, refused_fields
from tests.factories.pages import walk
from tests.factories.subscribers import LEAVING, subscriber
from tests.factories.tables import where_found


def path(subscriber_id: str) -> str:
    return f"/v1/subscribers/{subscriber_id}"


def change(api: httpx.Client, subscriber_id: str, **fields: Any) -> httpx.Response:
    return api.patch(path(subscriber_id), json=fields, headers={"if-match": "*"})


def as_of(api: httpx.Client, subscriber_id: str, moment: str) -> httpx.Response:
    return api.get(path(subscriber_id), params={"as_of": moment})


def now() -> str:
    return datetime.now(UTC).isoformat()


def versions(api: httpx.Client, subscriber_id: str) -> list[Any]:
    return walk(api, f"{path(subscriber_id)}/profile-versions", 2)


def test_a_subscriber_moves_on_and_it_is_told_since_when_they_stand_there(api: httpx.Client) -> None:
    """(J1)"""
    subscriber_id = subscriber(api, lifecycle_stage="intent")
    moved = change(api, subscriber_id, lifecycle_stage="application").json()
    later = change(api, subscriber_id, region="west").json()

    assert (moved["lifecycle_stage"], moved["marks"]["lifecycle"]) == ("application", "acquire")
    assert moved["lifecycle_since"] == moved["updated_at"]
    assert later["lifecycle_since"] == moved["lifecycle_since"] < later["updated_at"]


def test_a_step_that_the_lifecycle_does_not_know_is_refused_naming_those_it_does(api: httpx.Client) -> None:
    """(J1)"""
    subscriber_id = subscriber(api, lifecycle_stage="left")
    refused = problem(change(api, subscriber_id, lifecycle_stage="loyalty", region="west"), 409)

    assert refused["type"] == "/problems/lifecycle-step"
    assert "win_back" in refused["detail"]
    read = api.get(path(subscriber_id)).json()
    assert (read["lifecycle_stage"], read["region"], read["version"]) == ("left", None, 1)
    problem(api.put(path(subscriber_id), json={"lifecycle_stage": "loyalty"}), 409)


def test_who_stands_nowhere_has_no_since(api: httpx.Client) -> None:
    read = api.get(path(subscriber(api))).json()

    assert (read["lifecycle_stage"], read["lifecycle_since"], read["marks"]["lifecycle"]) == (None, None, None)


def test_a_profile_is_told_as_it_was_known_at_a_time(api: httpx.Client) -> None:
    """(B16, J6)"""
    subscriber_id = subscriber(
        api, value_tier="low", joined_on="2020-02-02", status="arrears", contact={"phone": "+8613800000001"}
    )
    between = now()
    change(api, subscriber_id, value_tier="high", status="active", consents={"sms": False}, contact=None)
    then, today = as_of(api, subscriber_id, between).json(), as_of(api, subscriber_id, now()).json()

    assert (then["value_tier"], then["status"], then["consents"], then["version"]) == ("low", "arrears", {}, 1)
    assert (then["joined_on"], then["marks"]["tenure_over_12_months"]) == ("2020-02-02", True)
    assert (then["marks"]["involuntary"], then["marks"]["reachable"]) == (True, True)
    assert (today["value_tier"], today["status"], today["consents"]) == ("high", "active", {"sms": False})
    assert today["marks"]["reachable"] is False
    assert then["contact"] is today["contact"] is None


def test_before_a_subscriber_was_known_there_is_nothing_to_tell(api: httpx.Client) -> None:
    """(B16)"""
    before = now()
    subscriber_id = subscriber(api)

    assert problem(as_of(api, subscriber_id, before), 404)["type"] == "/problems/not-known-then"
    assert as_of(api, subscriber_id, now()).status_code == 200
    assert refused_fields(as_of(api, subscriber_id, "2026-10-31")) == {"/query/as_of"}


def test_of_snapshots_those_are_told_that_were_recorded_by_then(api: httpx.Client) -> None:
    """(B16)"""
    subscriber_id = subscriber(api, features=LEAVING)
    between = now()
    body = {"features": LEAVING | {"tenure_months": 2}}
    api.put(f"{path(subscriber_id)}/snapshots/2026-11-01", json=body)

    assert as_of(api, subscriber_id, between).json()["latest_snapshot"]["as_of"] == "2026-10-31"
    assert as_of(api, subscriber_id, now()).json()["latest_snapshot"]["as_of"] == "2026-11-01"


def test_each_version_says_what_it_changed(api: httpx.Client) -> None:
    """(B16)"""
    subscriber_id = subscriber(api, value_tier="low")
    change(api, subscriber_id, value_tier="high")
    change(api, subscriber_id, value_tier="high")  # nothing new
    change(api, subscriber_id, contact={"phone": "+8613811112222"})
    change(api, subscriber_id, consents={"sms": False}, lifecycle_stage="loyalty")
    told = versions(api, subscriber_id)

    assert [version["version"] for version in told] == [4, 3, 2, 1]
    assert [version["changed"] for version in told] == [
        ["consents", "lifecycle_stage"],
        ["contact_fields"],
        ["value_tier"],
        ["consents", "contact_fields", "status", "value_tier"],
    ]
    assert [version["profile"]["value_tier"] for version in told] == ["high", "high", "high", "low"]
    assert [version["contact_fields"] for version in told] == [["phone"], ["phone"], [], []]
    times = [version["since"] for version in told]
    assert times == sorted(times, reverse=True)


def test_each_field_says_when_it_last_changed(api: httpx.Client) -> None:
    """(B16)"""
    subscriber_id = subscriber(api, value_tier="low")
    first = api.get(path(subscriber_id)).json()
    changed = change(api, subscriber_id, value_tier="high").json()

    assert changed["changed_at"]["value_tier"] == changed["updated_at"]
    assert changed["changed_at"]["region"] == first["updated_at"] == first["created_at"]
    assert changed["changed_at"].keys() == changed["changed_at"].keys() - {"contact", "contact_fields"}


def test_history_holds_nothing_that_identifies_somebody(api: httpx.Client, store: psycopg.Connection) -> None:
    """(J6)"""
    subscriber_id = subscriber(api, contact={"phone": "+8613877001122", "name": "Mi Fu"})
    change(api, subscriber_id, contact={"name": "Mi Youren"})

    for text in ("+8613877001122", "13877001122", "Mi Fu", "Mi Youren"):
        assert not where_found(store, text)


def test_a_profile_from_before_versions_were_kept_is_told_from_its_last_change_on(
    api: httpx.Client, store: psycopg.Connection
) -> None:
    subscriber_id = subscriber(api, region="east")
    store.execute("DELETE FROM profile_versions WHERE subscriber_id = %s", [subscriber_id])
    before = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()

    assert as_of(api, subscriber_id, now()).json()["region"] == "east"
    problem(as_of(api, subscriber_id, before), 404)
    assert versions(api, subscriber_id) == []
    assert api.get(path(subscriber_id)).json()["changed_at"] == {}


def test_of_nobody_there_is_no_history(api: httpx.Client) -> None:
    problem(api.get(f"{path('nobody')}/profile-versions"), 404)
    problem(as_of(api, "nobody", now()), 404)


@pytest.mark.parametrize("cursor", ["", "!", "eA", "MTIzNDU2Nzg5MDEy", "LTE"])
def test_a_damaged_cursor_of_versions_is_refused(api: httpx.Client, cursor: str) -> None:
    listed = api.get(f"{path(subscriber(api))}/profile-versions", params={"cursor": cursor})

    assert refused_fields(listed) == {"/query/cursor"}


def standing(api: httpx.Client) -> tuple[dict[str, int], int]:
    told = api.get("/v1/lifecycle").json()
    points = [point for stage in told["stages"] for point in stage["key_points"]]
    return {point["key_point"]: point["subscribers"] for point in points}, told["nowhere"]


def test_the_lifecycle_tells_how_many_stand_where_and_what_to_ask_of_them(api: httpx.Client) -> None:
    """(J2, J3)"""
    before, nowhere = standing(api)
    one, two = (subscriber(api, lifecycle_stage="arpu_growth") for _ in range(2))
    subscriber(api)
    after, nowhere_after = standing(api)
    assert after == before | {"arpu_growth": before["arpu_growth"] + 2}
    assert nowhere_after == nowhere + 1

    api.post(f"/v1/subscribers/{one}/merges", json={"duplicate_id": two})
    assert standing(api)[0]["arpu_growth"] == before["arpu_growth"] + 1
    stages = api.get("/v1/lifecycle").json()["stages"]
    assert [stage["stage"] for stage in stages] == ["target", "acquire", "retain", "expand"]
    assert len({stage["question"] for stage in stages}) == 4


def test_the_moves_that_are_told_are_those_that_are_taken(api: httpx.Client) -> None:
    """(J1)"""
    points = [point for stage in api.get("/v1/lifecycle").json()["stages"] for point in stage["key_points"]]
    moves = {point["key_point"]: point["next"] for point in points}
    subscriber_id = subscriber(api, lifecycle_stage="intent")
    for point in ("application", "activation", "first_bill", "cross_sell", "retention", "left", "win_back"):
        assert point in moves[api.get(path(subscriber_id)).json()["lifecycle_stage"]]
        assert change(api, subscriber_id, lifecycle_stage=point).status_code == 200
