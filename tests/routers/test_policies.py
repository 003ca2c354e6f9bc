"""The rules in force: read, replaced, and kept by every decision from then on."""

from typing import Any

import httpx
import pytest

from tests.factories.answers import refused_fields
from tests.factories.bodies import question
from tests.factories.contacts import call, moments_ago
from tests.factories.subscribers import LEAVING, subscriber

NIGHT_THERE = {"begin": "00:00", "end": "23:59"}


def outbound(api: httpx.Client, subscriber_id: str, **others: Any) -> Any:
    return api.post("/v1/decisions", json=question(subscriber_id, direction="outbound", **others)).json()


def codes(decision: Any) -> set[str]:
    return {entry["code"] for entry in decision["trace"]}


def test_the_shipped_rules_are_in_force(api: httpx.Client) -> None:
    found = api.get("/v1/policy").json()
    assert found["cool_down_days"] == [30, 90, None]
    assert (found["holdout_share"], found["arpu_floor_share"]) == (0.0, "0.95")
    decided = api.post("/v1/decisions", json=question(subscriber(api, features=LEAVING))).json()
    assert decided["policy_version"] == found["version"]


def test_what_is_put_is_in_force_and_the_same_rules_have_the_same_name(
    api: httpx.Client, rules: dict[str, Any]
) -> None:
    before = api.get("/v1/policy").json()
    changed = api.put("/v1/policy", json=rules | {"mood_days": 3}).json()
    assert changed["version"] != before["version"]
    again = api.put("/v1/policy", json=rules).json()
    assert again["version"] == before["version"]
    assert again["published_at"] > changed["published_at"]
    assert api.put("/v1/policy", json=rules).json() == again


def test_it_is_night_where_the_subscriber_is(api: httpx.Client, rules: dict[str, Any]) -> None:
    api.put("/v1/policy", json=rules | {"quiet_hours": NIGHT_THERE})
    asleep = subscriber(api, features=LEAVING, timezone="Asia/Shanghai")
    decision = outbound(api, asleep)

    assert decision["actions"] == []
    assert "QUIET_HOURS" in codes(decision)
    assert "quiet from 00:00 to 23:59" in str(decision["trace"])
    assert api.post("/v1/decisions", json=question(asleep)).json()["actions"]
    assert outbound(api, subscriber(api, features=LEAVING))["actions"], "of an unknown clock nobody can tell the hour"


def test_a_time_zone_that_is_none_is_refused(api: httpx.Client) -> None:
    assert refused_fields(api.put("/v1/subscribers/nowhere", json={"timezone": "Mars/Olympus"})) == {"/timezone"}


def test_a_refusal_is_waited_out(api: httpx.Client, rules: dict[str, Any]) -> None:
    api.put("/v1/policy", json=rules | {"cool_down_days": [None]})
    leaver = subscriber(api, features=LEAVING)
    first = api.post("/v1/decisions", json=question(leaver)).json()
    declined = first["actions"][0]["code"]
    told = {"action": declined, "outcome": "declined", "reason": "Too dear", "occurred_at": moments_ago()}
    assert api.post(f"/v1/decisions/{first['decision_id']}/outcomes", json=told).status_code == 201
    second = api.post("/v1/decisions", json=question(leaver)).json()

    entry = next(entry for entry in second["trace"] if entry["action"] == declined)
    assert (entry["step"], entry["code"], entry["free_again_at"]) == ("contact_policy", "COOL_DOWN", None)


def test_nothing_is_sold_to_who_is_upset(api: httpx.Client) -> None:
    """Requirement K6."""
    leaver = subscriber(api, features=LEAVING)
    api.post("/v1/interactions", json=call(leaver, sentiment="negative"))
    decision = api.post("/v1/decisions", json=question(leaver)).json()
    assert "UPSET" in codes(decision)
    api.post("/v1/interactions", json=call(leaver, sentiment="positive"))
    assert "UPSET" not in codes(api.post("/v1/decisions", json=question(leaver)).json())


def test_a_share_is_held_out_and_keeps_being(api: httpx.Client, rules: dict[str, Any]) -> None:
    api.put("/v1/policy", json=rules | {"holdout_share": 0.5})
    people = [subscriber(api, features=LEAVING) for _ in range(24)]
    held = set()
    for person in people:
        decision = api.post("/v1/decisions", json=question(person)).json()
        # At once: later, what is used up in a day may be used up by others.
        preview = api.get(f"/v1/subscribers/{person}/next-best-actions", params={"channel": "call"}).json()
        assert preview["actions"] == decision["actions"]
        assert "arm" not in preview
        again = api.post("/v1/decisions", json=question(person, channel="app")).json()
        assert (again["arm"] == "holdout") == (decision["arm"] == "holdout")
        held |= {person} if decision["arm"] == "holdout" else set()

    assert 3 <= len(held) <= 21


def test_for_big_spenders_service_comes_before_price(api: httpx.Client, rules: dict[str, Any]) -> None:
    """Requirement D10."""
    api.put("/v1/policy", json=rules | {"big_spender_tiers": ["gold"]})
    priced = {action["code"] for action in api.get("/v1/actions?limit=200").json()["items"] if action["priced"]}
    prices = {}
    for tier in ("gold", "silver"):
        asked = question(subscriber(api, features=LEAVING, value_tier=tier), limit=10)
        prices[tier] = [action["code"] in priced for action in api.post("/v1/decisions", json=asked).json()["actions"]]

    assert prices["gold"] == sorted(prices["gold"])
    assert prices["silver"] != sorted(prices["silver"])


def test_who_has_a_contact_without_a_phone_is_not_called(api: httpx.Client) -> None:
    """Requirement A7."""
    by_mail = subscriber(api, features=LEAVING, contact={"email": "a@example.org"})
    assert codes(outbound(api, by_mail)) >= {"UNREACHABLE"}
    assert outbound(api, subscriber(api, features=LEAVING, contact={"phone": "+8613800001111"}))["actions"]


def test_whom_the_group_pays_for_is_offered_nothing_paid(api: httpx.Client) -> None:
    """Requirement A13."""
    api.put("/v1/groups/flat-works", json={"name": "Flat Works", "flat_fee": True})
    member = subscriber(api, features=LEAVING, group_id="flat-works")
    assert "GROUP_MEMBER_EXIT" in codes(api.post("/v1/decisions", json=question(member)).json())
    own = subscriber(api, features=LEAVING, group_id="flat-works", payer="self")
    assert "GROUP_MEMBER_EXIT" not in codes(api.post("/v1/decisions", json=question(own)).json())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("holdout_share", 1.0),
        ("holdout_share", 1),
        ("holdout_share", -0.1),
        ("quiet_hours", {"begin": "21:00", "end": "21:00"}),
        ("quiet_hours", {"begin": "25:00", "end": "08:00"}),
        ("channel_caps", {"sms": [{"window_days": 7, "max": 3}, {"window_days": 30, "max": 2}]}),
        ("channel_caps", {"pigeon": []}),
        ("cool_down_days", [0]),
        ("floating_keeps", 1.5),
        ("spend_cap_share", "1.5"),
        ("arpu_floor_share", "-0.1"),
        ("daily_budget", "-1.00"),
        ("no_such_rule", 1),
    ],
)
def test_a_rule_is_refused_by_the_name_of_its_field(api: httpx.Client, field: str, value: object) -> None:
    before = api.get("/v1/policy").json()
    [pointer] = refused_fields(api.put("/v1/policy", json={field: value}))
    assert pointer.startswith(f"/{field}")
    assert api.get("/v1/policy").json() == before
