from typing import Any

import httpx
import psycopg
import pytest

from tests.conftest import make_key
from tests.factories.answers import CANARY, problem, refused_fields
from tests.factories.bodies import at_once
from tests.factories.contacts import call, moments_ago
from tests.factories.subscribers import LEAVING, new_id, subscriber
from tests.factories.tables import where_found
from tests.service import Service

PROFILE: dict[str, Any] = {
    "region": "east",
    "brand": "gold",
    "value_tier": "high",
    "payment_type": "postpaid",
    "group_id": "vpmn-17",
    "payer": "group",
    "locality": "floating",
    "sla_level": "platinum",
    "owner": "agent-7",
    "owner_role": "hunter",
    "lifecycle_stage": "loyalty",
    "joined_on": "2023-04-01",
    "status": "active",
    "consents": {"marketing": True, "sms": False},
}
CONTACT = {
    "name": "Lin Wei",
    "phone": "+8613800001234",
    "email": "lin.wei@example.org",
    "address": "17 River Road",
    "hobbies": "mountain cycling",
    "hometown": "Old Ferry Town",
}
KIN = ["+8613800009871", "+8613800009872"]


def path(subscriber_id: str) -> str:
    return f"/v1/subscribers/{subscriber_id}"


def test_a_profile_reads_as_it_was_put(api: httpx.Client) -> None:
    subscriber_id = new_id()
    created = api.put(path(subscriber_id), json=PROFILE)
    read = api.get(path(subscriber_id))

    assert created.status_code == 201
    assert created.headers["location"] == path(subscriber_id)
    assert read.status_code == 200
    assert read.json() == created.json()
    assert PROFILE.items() <= read.json().items()
    assert read.json()["subscriber_id"] == subscriber_id
    assert read.json()["latest_snapshot"] is None
    assert read.headers["etag"] == created.headers["etag"]


def test_putting_replaces_the_whole_profile(api: httpx.Client) -> None:
    subscriber_id = subscriber(api, **PROFILE, contact=CONTACT)
    replaced = api.put(path(subscriber_id), json={"region": "west"})

    assert replaced.status_code == 200
    assert "location" not in replaced.headers
    found = replaced.json()
    assert (found["region"], found["brand"], found["joined_on"]) == ("west", None, None)
    assert (found["contact"], found["consents"]) == (None, {})


def test_putting_the_same_again_changes_nothing(api: httpx.Client) -> None:
    subscriber_id = subscriber(api, **PROFILE, contact=CONTACT)
    before = api.get(path(subscriber_id))
    again = api.put(path(subscriber_id), json=PROFILE | {"contact": CONTACT})

    assert again.json() == before.json()
    assert again.headers["etag"] == before.headers["etag"]


def test_putting_an_empty_contact_again_changes_nothing(api: httpx.Client) -> None:
    subscriber_id = subscriber(api, contact={})
    before = api.get(path(subscriber_id))

    assert api.put(path(subscriber_id), json={"contact": {}}).headers["etag"] == before.headers["etag"]


def test_a_profile_created_by_many_at_once_is_created_once(api: httpx.Client) -> None:
    subscriber_id = new_id()
    answers = at_once(10, lambda _: api.put(path(subscriber_id), json=PROFILE))

    assert sorted(answer.status_code for answer in answers) == [200] * 9 + [201]


@pytest.mark.parametrize("subscriber_id", ["a", "A" * 64, "MSISDN:86-138.0_0", "..."])
def test_an_id_is_the_operators_own(api: httpx.Client, subscriber_id: str) -> None:
    assert api.put(path(subscriber_id), json={}).status_code == 201
    assert api.get(path(subscriber_id)).json()["subscriber_id"] == subscriber_id


def test_a_change_leaves_the_other_fields(api: httpx.Client) -> None:
    subscriber_id = subscriber(api, **PROFILE, contact=CONTACT)
    read = api.get(path(subscriber_id))
    changed = api.patch(path(subscriber_id), json={"value_tier": "low"}, headers={"if-match": read.headers["etag"]})

    assert changed.status_code == 200
    now = changed.json()["updated_at"]
    changed_at = read.json()["changed_at"] | {"value_tier": now}
    expected = {"value_tier": "low", "version": 2, "updated_at": now, "changed_at": changed_at}
    assert changed.json() == read.json() | expected
    assert changed.headers["etag"] != read.headers["etag"]
    assert api.get(path(subscriber_id)).json() == changed.json()


@pytest.mark.parametrize("field", [*(name for name in PROFILE if name not in {"status", "consents"}), "contact"])
def test_a_change_to_null_empties_the_field(api: httpx.Client, field: str) -> None:
    subscriber_id = subscriber(api, **PROFILE, contact=CONTACT)
    changed = api.patch(path(subscriber_id), json={field: None}, headers={"if-match": "*"})

    assert changed.json()[field] is None
    assert changed.json()["status"] == "active"


@pytest.mark.parametrize("field", ["status", "consents"])
def test_what_cannot_be_empty_cannot_be_changed_to_null(api: httpx.Client, field: str) -> None:
    changed = api.patch(path(subscriber(api)), json={field: None}, headers={"if-match": "*"})

    assert refused_fields(changed) == {f"/{field}"}


def test_a_change_must_say_which_version_it_changes(api: httpx.Client) -> None:
    subscriber_id = subscriber(api, **PROFILE)

    problem(api.patch(path(subscriber_id), json={"region": "west"}), 428)
    assert api.get(path(subscriber_id)).json()["region"] == "east"


@pytest.mark.parametrize("tag", ['"0"', '"2"', "1", '"x"', 'W/"2"'])
def test_a_change_of_another_version_is_refused(api: httpx.Client, tag: str) -> None:
    subscriber_id = subscriber(api, **PROFILE)

    problem(api.patch(path(subscriber_id), json={"region": "west"}, headers={"if-match": tag}), 412)
    assert api.get(path(subscriber_id)).json()["region"] == "east"


def test_of_many_changes_to_one_version_one_is_made(api: httpx.Client) -> None:
    subscriber_id = subscriber(api, **PROFILE)
    tag = {"if-match": api.get(path(subscriber_id)).headers["etag"]}
    answers = at_once(10, lambda n: api.patch(path(subscriber_id), json={"region": f"r{n}"}, headers=tag))

    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 9


def test_who_is_not_there_is_not_found(api: httpx.Client) -> None:
    problem(api.get(path("nobody")), 404)
    problem(api.patch(path("nobody"), json={}, headers={"if-match": "*"}), 404)
    problem(api.delete(path("nobody")), 404)


def test_a_contact_is_shown_masked_and_stored_sealed(api: httpx.Client, store: psycopg.Connection) -> None:
    """Other people's numbers are not even masked: only how many there are is told (B6, B7)."""
    subscriber_id = subscriber(api, contact=CONTACT | {"family_numbers": KIN})
    shown = api.get(path(subscriber_id))

    assert shown.json()["contact"] == {
        "name": "L•••",
        "phone": "••••••••••1234",
        "email": "l•••@example.org",
        "address": "1•••",
        "hobbies": "m•••",
        "hometown": "O•••",
        "family_numbers": "2",
    }
    for value in (*CONTACT.values(), *KIN):
        assert value not in shown.text
        assert not where_found(store, value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("region", ""),
        ("region", CANARY * 10),
        ("region", 7),
        ("status", "asleep"),
        ("joined_on", "2023-04-01T00:00:00Z"),
        ("joined_on", "1899-12-31"),
        ("joined_on", "2023-02-29"),
        ("joined_on", 19448),
        ("consents/sms", "yes"),
        ("consents/sms", 1),
        ("consents/SMS", False),
        ("contact/phone", "13800000000"),
        ("contact/phone", "+86 138 0000 0000"),
        ("contact/phone", f"+86{CANARY}"),
        ("contact/email", "nobody"),
        ("contact/email", f"{CANARY}@@x"),
        ("contact/fax", "+8613800000000"),
        ("contact/family_numbers", []),
        ("contact/hobbies", "x" * 257),
        ("payer", "mother"),
        ("locality", "abroad"),
        ("owner_role", "fisher"),
        ("lifecycle_stage", "birth"),
    ],
)
def test_a_profile_is_refused_by_the_name_of_its_field(api: httpx.Client, field: str, value: object) -> None:
    first, _, second = field.partition("/")
    answer = api.put(path(new_id()), json={first: {second: value} if second else value})

    assert refused_fields(answer) == {f"/{field}"}


def test_the_latest_snapshot_is_part_of_the_profile(api: httpx.Client) -> None:
    subscriber_id = subscriber(api, features=LEAVING)
    older = LEAVING | {"tenure_months": 0}
    api.put(f"{path(subscriber_id)}/snapshots/2026-09-30", json={"features": older})

    assert api.get(path(subscriber_id)).json()["latest_snapshot"] == {"as_of": "2026-10-31", "features": LEAVING}


def marks(api: httpx.Client, subscriber_id: str) -> Any:
    return api.get(path(subscriber_id)).json()["marks"]


def test_a_profile_is_marked_by_what_it_says(api: httpx.Client) -> None:
    """(A7, A9, A11, A13, A14)"""
    told = marks(api, subscriber(api, **PROFILE, contact=CONTACT))

    assert told == {
        "contact_completeness": 1.0,
        "reachable": True,
        "tenure_over_12_months": True,
        "involuntary": False,
        "group_member": True,
        "group_pays": True,
        "floating": True,
        "lifecycle": "retain",
        "visits_a_month": "<1",
    }


def test_who_has_no_phone_is_not_reachable(api: httpx.Client) -> None:
    """(A7)"""
    told = marks(api, subscriber(api, contact={"name": "Lin Wei", "email": "lin@example.org"}))

    assert (told["reachable"], told["contact_completeness"]) == (False, 0.5)


def test_visits_of_the_last_month_are_counted(api: httpx.Client) -> None:
    """(I4)"""
    subscriber_id = subscriber(api)
    for days in (1, 2, 3, 29, 31):
        visit = call(subscriber_id, need="transact", occurred_at=moments_ago(days=days))
        assert api.post("/v1/interactions", json=visit).status_code == 201
    api.post("/v1/interactions", json=call(subscriber_id, need="billing"))

    assert marks(api, subscriber_id)["visits_a_month"] == "4-6"


def test_a_key_bound_to_an_agent_gives_nobody_to_another(api: httpx.Client, service: Service) -> None:
    """(K9)"""
    subscriber_id = subscriber(api)
    with service.as_caller(make_key(service.settings, {"subscribers:write"}, agent_id="agent-7")) as agent:
        problem(agent.patch(path(subscriber_id), json={"owner": "agent-8"}, headers={"if-match": "*"}), 403)
        problem(agent.put(path(subscriber_id), json={"owner": "agent-8"}), 403)
        taken = agent.patch(path(subscriber_id), json={"owner": "agent-7"}, headers={"if-match": "*"})
        assert taken.json()["owner"] == "agent-7"
