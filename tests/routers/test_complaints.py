"""Complaints: a severity, a cause, one owner, a due time, and evidence before they are done."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest

from app.domain.access import SCOPES
from tests.conftest import make_key
from tests.factories.answers import CANARY, problem, refused_fields
from tests.factories.bodies import at_once
from tests.factories.contacts import complaint, moments_ago
from tests.factories.pages import walk
from tests.factories.subscribers import subscriber
from tests.factories.tables import where_found
from tests.service import Service

PATH = "/v1/complaints"
EVIDENCE = {"root_cause": "Cell overloaded", "action_taken": "Second carrier switched on"}


def opened(api: httpx.Client, **others: Any) -> Any:
    answer = api.post(PATH, json=complaint(subscriber(api), **others))
    assert answer.status_code == 201, answer.text
    return answer.json()


def change(api: httpx.Client, complaint_id: str, **changes: Any) -> httpx.Response:
    return api.patch(f"{PATH}/{complaint_id}", json=changes, headers={"if-match": "*"})


def test_a_complaint_reads_as_it_was_opened(api: httpx.Client) -> None:
    body = complaint(subscriber(api), owner="team-3", network_fault_type="slow_data")
    answer = api.post(PATH, json=body)
    found = answer.json()
    read = api.get(f"{PATH}/{found['id']}")

    assert answer.headers["location"] == f"{PATH}/{found['id']}"
    assert body.items() - {("occurred_at", body["occurred_at"])} <= found.items()
    assert (found["status"], found["root_cause"], found["subscriber_confirmed"]) == ("open", None, False)
    assert read.json() == found
    assert read.headers["etag"] == answer.headers["etag"]


@pytest.mark.parametrize(
    ("fields", "severity", "cause", "hours"),
    [
        ({"type": "service"}, "minor", "service", 48),
        ({"type": "device"}, "minor", "device", 48),
        ({"type": "contract"}, "minor", "terms", 48),
        ({"type": "other"}, "minor", "unknown", 48),
        ({"type": "network"}, "minor", "network_fault", 48),
        ({"type": "billing"}, "major", "billing", 24),
        ({"type": "network", "network_fault_type": "dropped_calls"}, "major", "network_fault", 24),
        ({"type": "service", "network_fault_type": "slow_data"}, "major", "network_fault", 24),
        ({"type": "network", "network_fault_type": "outage"}, "critical", "network_fault", 12),
        ({"type": "privacy"}, "critical", "unknown", 12),
        ({"type": "service", "touchpoint": "complaint_desk"}, "minor", "service", 24),
    ],
)
def test_severity_cause_and_due_time_follow_from_rules(
    api: httpx.Client, fields: dict[str, str], severity: str, cause: str, hours: int
) -> None:
    found = opened(api, **fields)

    assert (found["severity"], found["cause"]) == (severity, cause)
    due, occurred = (datetime.fromisoformat(found[name]) for name in ("due_at", "occurred_at"))
    assert due - occurred == timedelta(hours=hours)


def test_a_complaint_without_an_owner_is_the_desks(api: httpx.Client) -> None:
    """Requirement I8: a complaint always has one owner."""
    assert opened(api)["owner"] == "complaints-desk"
    assert opened(api, owner="team-3")["owner"] == "team-3"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("subscriber_id", "nobody"),
        ("touchpoint", "nowhere"),
        ("channel", "smoke"),
        ("type", CANARY),
        ("description", ""),
        ("description", CANARY * 400),
        ("description", None),
        ("network_fault_type", "gremlins"),
        ("owner", ""),
        ("severity", "minor"),
        ("due_at", "2026-10-31T09:30:00Z"),
        ("status", "closed"),
    ],
)
def test_a_complaint_is_refused_by_the_name_of_its_field(api: httpx.Client, field: str, value: object) -> None:
    assert refused_fields(api.post(PATH, json=complaint(subscriber(api)) | {field: value})) == {f"/{field}"}


def test_a_complaint_needs_evidence_to_be_resolved_and_consent_to_be_closed(api: httpx.Client) -> None:
    """Requirement E21."""
    complaint_id = opened(api)["id"]

    assert change(api, complaint_id, status="in_progress").json()["status"] == "in_progress"
    assert refused_fields(change(api, complaint_id, status="resolved")) == {"/root_cause", "/action_taken"}
    assert refused_fields(change(api, complaint_id, status="resolved", root_cause="x")) == {"/action_taken"}
    assert change(api, complaint_id, status="resolved", **EVIDENCE).json()["status"] == "resolved"
    assert refused_fields(change(api, complaint_id, status="closed")) == {"/subscriber_confirmed"}
    closed = change(api, complaint_id, status="closed", subscriber_confirmed=True).json()
    assert (closed["status"], closed["root_cause"]) == ("closed", EVIDENCE["root_cause"])


def test_what_is_refused_leaves_the_complaint_as_it_was(api: httpx.Client) -> None:
    before = opened(api)
    change(api, before["id"], status="resolved", root_cause="half of it", owner="team-9")

    assert api.get(f"{PATH}/{before['id']}").json() == before


@pytest.mark.parametrize("status", ["closed"])
def test_a_step_that_skips_another_is_a_conflict(api: httpx.Client, status: str) -> None:
    complaint_id = opened(api)["id"]

    problem(change(api, complaint_id, status=status, subscriber_confirmed=True, **EVIDENCE), 409)


def test_a_complaint_that_comes_back_must_be_confirmed_again(api: httpx.Client) -> None:
    """Requirement E21: what the subscriber confirmed was the first solution, which did not last."""
    complaint_id = opened(api)["id"]
    change(api, complaint_id, status="resolved", **EVIDENCE)
    change(api, complaint_id, status="closed", subscriber_confirmed=True)
    change(api, complaint_id, status="in_progress")
    change(api, complaint_id, status="resolved")

    assert refused_fields(change(api, complaint_id, status="closed")) == {"/subscriber_confirmed"}


def test_a_complaint_changes_hands(api: httpx.Client) -> None:
    found = opened(api)
    moved = change(api, found["id"], owner="team-4").json()

    changes = {"owner": "team-4", "transfer_count": 1, "version": 2, "updated_at": moved["updated_at"]}
    assert moved == found | changes


def test_a_change_must_name_the_current_version(api: httpx.Client) -> None:
    found = opened(api)
    path = f"{PATH}/{found['id']}"
    tag = api.get(path).headers["etag"]

    problem(api.patch(path, json={"owner": "team-4"}), 428)
    assert api.patch(path, json={"owner": "team-4"}, headers={"if-match": tag}).status_code == 200
    problem(api.patch(path, json={"owner": "team-5"}, headers={"if-match": tag}), 412)
    assert api.get(path).json()["owner"] == "team-4"


def test_of_many_changes_to_one_version_one_is_made(api: httpx.Client) -> None:
    path = f"{PATH}/{opened(api)['id']}"
    tag = {"if-match": api.get(path).headers["etag"]}
    answers = at_once(10, lambda number: api.patch(path, json={"owner": f"team-{number}"}, headers=tag))

    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 9


def test_complaints_are_listed_latest_opened_first_and_page_by_page(api: httpx.Client) -> None:
    subscriber_id = subscriber(api)
    made = [api.post(PATH, json=complaint(subscriber_id)).json()["id"] for _ in range(5)]
    whole = walk(api, PATH, 50, subscriber_id=subscriber_id)

    assert [item["id"] for item in whole] == made[::-1]
    for limit in (1, 2, 5):
        assert walk(api, PATH, limit, subscriber_id=subscriber_id) == whole
    assert {item["id"] for item in walk(api, PATH, 200)} >= set(made)


def test_complaints_are_listed_by_status(api: httpx.Client) -> None:
    subscriber_id = subscriber(api)
    one, other = (api.post(PATH, json=complaint(subscriber_id)).json()["id"] for _ in range(2))
    change(api, one, status="in_progress")

    for status, expected in (("open", [other]), ("in_progress", [one]), ("resolved", [])):
        found = walk(api, PATH, 1, subscriber_id=subscriber_id, status=status)
        assert [item["id"] for item in found] == expected


def test_what_was_written_of_a_complaint_is_stored_sealed(api: httpx.Client, store: psycopg.Connection) -> None:
    body = complaint(subscriber(api), description="Mr Fang of flat 12 was rude")
    complaint_id = api.post(PATH, json=body, headers={"idempotency-key": "sealed"}).json()["id"]
    resolved = change(api, complaint_id, status="resolved", root_cause="Fang was tired", action_taken="Called Hu back")

    assert resolved.json()["root_cause"] == "Fang was tired"
    for text in ("Mr Fang of flat", "Fang was tired", "Called Hu back"):
        assert not where_found(store, text)


def test_what_is_not_there_is_not_found(api: httpx.Client) -> None:
    nowhere = "01a200e5-1bcf-7a83-9b61-5a26ac00dfee"

    problem(api.get(f"{PATH}/{nowhere}"), 404)
    problem(change(api, nowhere, owner="team-4"), 404)
    assert walk(api, PATH, 50, subscriber_id="nobody") == []


# ── handed on, late, opened again ──


def test_a_complaint_handed_on_twice_is_flagged(api: httpx.Client) -> None:
    """Requirement I8."""
    found = opened(api)
    once = change(api, found["id"], owner="team-4").json()
    same = change(api, found["id"], owner="team-4").json()
    twice = change(api, found["id"], owner="team-5").json()

    assert [(c["transfer_count"], c["ping_pong"]) for c in (once, same, twice)] == [(1, False), (1, False), (2, True)]
    flagged = walk(api, PATH, 50, subscriber_id=found["subscriber_id"], ping_pong="true")
    assert [c["id"] for c in flagged] == [found["id"]]
    assert walk(api, PATH, 50, subscriber_id=found["subscriber_id"], ping_pong="false") == []


def test_a_complaint_tells_who_held_it_since_when(api: httpx.Client) -> None:
    found = opened(api)
    change(api, found["id"], owner="team-4", team="north")
    change(api, found["id"], status="in_progress")
    steps = api.get(f"{PATH}/{found['id']}/steps").json()["items"]

    assert [(step["owner"], step["team"], step["status"]) for step in steps] == [
        (found["owner"], None, "open"),
        ("team-4", "north", "open"),
        ("team-4", "north", "in_progress"),
    ]
    assert [step["at"] for step in steps] == sorted(step["at"] for step in steps)


@pytest.mark.parametrize(("hours", "who"), [(0, "none"), (49, "team_lead"), (80, "manager")])
def test_a_complaint_nobody_answered_in_time_is_escalated_by_the_clock(api: httpx.Client, hours: int, who: str) -> None:
    """Requirement K12: the hotline promises 48 hours."""
    subscriber_id = subscriber(api)
    found = api.post(PATH, json=complaint(subscriber_id, occurred_at=moments_ago(hours=hours))).json()
    late = who != "none"

    assert (found["escalation"], found["sla_met"]) == (who, False if late else None)
    assert found["escalated_at"] == (found["due_at"] if late else None)
    listed = walk(api, PATH, 50, subscriber_id=subscriber_id, escalated=str(late).lower())
    assert [c["id"] for c in listed] == [found["id"]]


def test_a_complaint_answered_in_time_kept_the_promise(api: httpx.Client) -> None:
    found = opened(api)
    done = change(api, found["id"], status="resolved", root_cause="Queue", action_taken="Called").json()

    assert (done["sla_met"], done["resolved_by"], done["escalation"]) == (True, found["owner"], "none")


def test_an_unhappy_reply_opens_a_closed_complaint_again(api: httpx.Client) -> None:
    """Requirement E21."""
    found = opened(api)
    change(api, found["id"], status="resolved", root_cause="Queue", action_taken="Called")
    change(api, found["id"], status="closed", subscriber_confirmed=True)
    again = change(api, found["id"], subscriber_confirmed=False).json()

    assert (again["status"], again["reopen_count"], again["subscriber_confirmed"]) == ("in_progress", 1, False)


def test_a_complaint_that_arrives_again_is_the_first_one(api: httpx.Client) -> None:
    body = complaint(subscriber(api), client_reference="crm-complaint-1")
    first, second = (api.post(PATH, json=body) for _ in range(2))

    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json() == first.json()
    assert second.headers["location"] == first.headers["location"]


def test_an_agents_key_passes_on_what_is_its_own_and_nothing_else(api: httpx.Client, service: Service) -> None:
    key = make_key(service.settings, SCOPES, agent_id="agent-77")
    with service.as_caller(key) as agent:
        own = agent.post(PATH, json=complaint(subscriber(api))).json()
        assert own["owner"] == "agent-77"
        assert change(agent, own["id"], owner="agent-78").json()["owner"] == "agent-78"
        problem(change(agent, own["id"], owner="agent-79"), 403)
        assert change(agent, own["id"], owner="agent-77").json()["owner"] == "agent-77"
