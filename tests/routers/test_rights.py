"""No right is given twice: caps, capacity, money and revenue hold whoever decides at once."""

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from itertools import count
from typing import Any

import httpx
import psycopg
import pytest

from app.domain.access import SCOPES
from tests.conftest import make_key
from tests.factories.actions import put, retire
from tests.factories.bodies import at_once, codes, decide
from tests.factories.contacts import call, moments_ago
from tests.factories.subscribers import LEAVING, subscriber
from tests.service import Service

_numbers = count(1)


@pytest.fixture
def scarce(api: httpx.Client) -> Iterator[str]:
    """An action of the test's own: nobody has used any of it today."""
    code = f"scarce_{next(_numbers)}"
    yield code
    retire(api, code)


@pytest.fixture
def callers(service: Service) -> Iterator[list[httpx.Client]]:
    """32 callers, each with a key of its own."""
    found = [service.as_caller(make_key(service.settings, SCOPES)) for _ in range(32)]
    yield found
    for caller in found:
        caller.close()


def entry(decision: Any, code: str) -> Any:
    return next(entry for entry in decision["trace"] if entry["action"] == code)


def settle(api: httpx.Client, decision: Any, code: str, outcome: str) -> None:
    told = {"action": code, "outcome": outcome, "occurred_at": moments_ago()}
    answer = api.post(f"/v1/decisions/{decision['decision_id']}/outcomes", json=told)
    assert answer.status_code == 201, answer.text


def test_32_callers_at_once_make_no_more_contacts_than_the_cap(api: httpx.Client, callers: list[httpx.Client]) -> None:
    """Requirement K3: each decides, and calls if it may; by both ids of one person."""
    person, other = subscriber(api, features=LEAVING), subscriber(api, features=LEAVING)
    api.post(f"/v1/subscribers/{person}/merges", json={"duplicate_id": other})
    caps = {a["code"]: a["caps"] for a in api.get("/v1/actions?limit=200").json()["items"]}
    weekly = api.get("/v1/policy").json()["channel_caps"]["call"][0]["max"]

    def call_if_allowed(number: int) -> list[str]:
        caller, subscriber_id = callers[number], (person, other)[number % 2]
        chosen = codes(decide(caller, subscriber_id, direction="outbound"))
        if chosen:
            caller.post("/v1/interactions", json=call(subscriber_id, direction="outbound")).raise_for_status()
        return chosen

    made = [chosen for _ in range(3) for chosen in at_once(32, call_if_allowed) if chosen]
    assert 1 <= len(made) <= weekly
    for code, times in Counter(code for chosen in made for code in chosen).items():
        assert all(times <= cap["max"] for cap in caps[code]), code


def test_the_right_to_a_contact_is_given_once_until_it_is_used_or_lapses(
    api: httpx.Client, callers: list[httpx.Client], store: psycopg.Connection
) -> None:
    person = subscriber(api, features=LEAVING)
    first = decide(callers[0], person, direction="outbound")
    second = decide(callers[1], person, direction="outbound")
    assert codes(first)
    assert not set(codes(first)) & set(codes(second))
    assert entry(second, codes(first)[0])["code"] == "CONTACT_CAP"
    store.execute("UPDATE decisions SET decided_at = decided_at - interval '11 minutes'")
    assert codes(decide(callers[1], person, direction="outbound")) == codes(first)


def test_a_days_capacity_is_given_out_to_the_last_and_no_further(
    api: httpx.Client, callers: list[httpx.Client], scarce: str
) -> None:
    put(api, scarce, kind="visit", capacity_per_day=5)
    people = [subscriber(api, features=LEAVING) for _ in range(32)]
    decisions = at_once(32, lambda n: decide(callers[n], people[n]))

    assert sum(scarce in codes(decision) for decision in decisions) == 5
    refused = next(decision for decision in decisions if scarce not in codes(decision))
    assert (entry(refused, scarce)["step"], entry(refused, scarce)["code"]) == ("limit", "CAPACITY")
    assert entry(refused, scarce)["reason"] == "5 of 5 a day are taken"


def test_what_is_declined_is_given_to_the_next(api: httpx.Client, scarce: str) -> None:
    put(api, scarce, kind="visit", capacity_per_day=1)
    first, second, third = (subscriber(api, features=LEAVING) for _ in range(3))
    taken = decide(api, first)
    assert scarce in codes(taken)
    assert scarce not in codes(decide(api, second))
    settle(api, taken, scarce, "declined")
    given = decide(api, third)
    assert scarce in codes(given)
    settle(api, given, scarce, "accepted")
    assert scarce not in codes(decide(api, second, channel="app"))


def test_a_person_who_is_decided_about_anew_holds_what_is_theirs_once(api: httpx.Client, scarce: str) -> None:
    put(api, scarce, kind="visit", capacity_per_day=1)
    person = subscriber(api, features=LEAVING)
    decided = [decide(api, person, channel=channel) for channel in ("call", "app", "web", "shop")]
    assert all(scarce in codes(decision) for decision in decided)
    assert scarce not in codes(decide(api, subscriber(api, features=LEAVING)))


def test_the_days_money_is_spent_to_the_last_and_no_further(
    api: httpx.Client, callers: list[httpx.Client], store: psycopg.Connection, scarce: str, rules: dict[str, Any]
) -> None:
    put(api, scarce, contact_cost="10.00", accept_cost="0.00")
    store.execute("DELETE FROM ledger_entries WHERE kind = 'money'")
    api.put("/v1/policy", json=rules | {"daily_budget": "55.00"}).raise_for_status()
    people = [subscriber(api, features=LEAVING) for _ in range(32)]
    decisions = at_once(32, lambda n: decide(callers[n], people[n], limit=1))

    [[spent]] = store.execute("SELECT amount FROM ledger_entries WHERE kind = 'money'").fetchall()
    assert Decimal(45) < spent <= Decimal(55)
    assert sum(codes(decision) == [scarce] for decision in decisions) == 5
    assert "BUDGET" in {entry["code"] for decision in decisions for entry in decision["trace"]}


def test_the_base_is_not_pulled_below_its_floor(
    api: httpx.Client, callers: list[httpx.Client], store: psycopg.Connection, scarce: str, rules: dict[str, Any]
) -> None:
    """Requirement J14: a base of 100 a month that may lose 5, and offers that give away one each on average."""
    put(api, scarce, monthly_arpu_effect="-2.00", p_accept=0.5)
    store.execute("DELETE FROM ledger_entries WHERE kind = 'arpu'")
    store.execute("INSERT INTO arpu_bases VALUES (now(), 10, 100)")
    people = [subscriber(api, features=LEAVING) for _ in range(32)]
    decisions = at_once(32, lambda n: decide(callers[n], people[n], limit=1))
    guarded = [decision for decision in decisions if codes(decision) == [scarce]]
    refused = next(decision for decision in decisions if codes(decision) != [scarce])

    assert len(guarded) == 5
    assert (entry(refused, scarce)["step"], entry(refused, scarce)["code"]) == ("guard", "ARPU_GUARD")
    assert "below the floor of 9.5000" in entry(refused, scarce)["reason"]
    # What is accepted gives away all of it, and what is declined nothing.
    settle(api, guarded[0], scarce, "accepted")
    settle(api, guarded[1], scarce, "declined")
    [[given]] = store.execute("SELECT amount FROM ledger_entries WHERE kind = 'arpu'").fetchall()
    assert given == Decimal(5)
    api.put("/v1/policy", json=rules | {"arpu_floor_share": None})
    assert codes(decide(api, people[-1], channel="app", limit=1)) == [scarce]
    store.execute("DELETE FROM arpu_bases")


def test_nobody_costs_more_than_a_share_of_what_they_are_worth(api: httpx.Client, scarce: str) -> None:
    """Requirement J13: 94.40 × .6 × 12 months × 30 % are 203.90."""
    put(api, scarce, accept_cost="150.00", horizon_days=365, p_accept=0.05)
    person = subscriber(api, features=LEAVING)
    first = decide(api, person, limit=1)
    assert codes(first) == [scarce]
    settle(api, first, scarce, "accepted")
    put(api, scarce, accept_cost="53.91", horizon_days=364, p_accept=0.05, name="Another")
    put(api, "scarce_too", accept_cost="53.91", horizon_days=365, p_accept=0.05)
    refused = entry(decide(api, person, limit=1), "scarce_too")
    retire(api, "scarce_too")
    assert (refused["step"], refused["code"]) == ("guard", "SPEND_CAP")
    assert "on top of 150.00" in refused["reason"]


def test_the_ledger_is_what_reservations_hold(api: httpx.Client, store: psycopg.Connection, scarce: str) -> None:
    put(api, scarce, kind="visit", capacity_per_day=20)
    outcomes = ("accepted", "declined", "no_response", "later", None)
    for number in range(10):
        person = subscriber(api, features=LEAVING)
        decision = decide(api, person)
        if outcome := outcomes[number % 5]:
            settle(api, decision, scarce, outcome)
        if number >= 5:
            decide(api, person, channel="app")
    [[held, states]] = store.execute(
        "SELECT sum(uses), array_agg(DISTINCT state) FROM reservations WHERE action = %s", [scarce]
    ).fetchall()
    [[total]] = store.execute("SELECT amount FROM ledger_entries WHERE key = %s", [scarce]).fetchall()

    assert total == held > 0
    assert set(states) == {"open", "accepted", "released"}
