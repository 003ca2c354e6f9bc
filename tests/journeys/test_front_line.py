"""From a call to a recovery case: what the front line hears, promises, hands on, solves and asks about, in order."""

import time
from typing import Any

import httpx

from tests.factories.contacts import call, complaint, moments_ago
from tests.factories.subscribers import LEAVING, subscriber
from tests.factories.surveys import answers

PROMISE_HOURS = 48  # the hotline's
SECONDS_LEFT = 3


def test_a_call_becomes_a_complaint_a_callback_and_a_recovery_case(api: httpx.Client) -> None:
    """Requirements K1, K2, I8, K12, E21, G4, G11 and E16."""
    subscriber_id = subscriber(api, features=LEAVING)
    contact = the_call_is_logged_and_its_need_classified(api, subscriber_id)
    opened = a_complaint_is_opened_with_a_promise(api, subscriber_id)
    it_is_handed_on_twice_and_flagged(api, opened)
    it_is_escalated_by_the_clock(api, opened)
    solved = it_is_solved_with_evidence(api, opened)
    callback = a_callback_is_due_within_three_days(api, subscriber_id, solved)
    answer = a_low_score_joins_the_recovery_case(api, subscriber_id, callback)
    the_overview_shows_all_of_it_in_order(api, subscriber_id, contact, opened, answer)


def the_call_is_logged_and_its_need_classified(api: httpx.Client, subscriber_id: str) -> Any:
    body = call(
        subscriber_id,
        occurred_at=moments_ago(hours=PROMISE_HOURS + 1),
        reason="Nobody called me back, this is unacceptable",
        request="Somebody who takes care of it",
        agent_id="agent-1",
        sentiment="negative",
    )
    found = api.post("/v1/interactions", json=body).json()
    assert (found["need"], found["need_source"]) == ("complaint", "rule:unacceptable")
    return found


def a_complaint_is_opened_with_a_promise(api: httpx.Client, subscriber_id: str) -> Any:
    """Its promise runs out in a few seconds, so that the clock can be watched."""
    body = complaint(
        subscriber_id, occurred_at=moments_ago(hours=PROMISE_HOURS, seconds=-SECONDS_LEFT), owner="agent-1"
    )
    found = api.post("/v1/complaints", json=body).json()
    assert (found["escalation"], found["sla_met"], found["owner"]) == ("none", None, "agent-1")
    return found


def it_is_handed_on_twice_and_flagged(api: httpx.Client, opened: dict[str, Any]) -> None:
    once = change(api, opened, owner="agent-2").json()
    twice = change(api, opened, owner="agent-3").json()
    assert [(c["transfer_count"], c["ping_pong"]) for c in (once, twice)] == [(1, False), (2, True)]


def it_is_escalated_by_the_clock(api: httpx.Client, opened: dict[str, Any]) -> None:
    give_up = time.monotonic() + 3 * SECONDS_LEFT
    found = api.get(f"/v1/complaints/{opened['id']}").json()
    while found["escalation"] == "none" and time.monotonic() < give_up:
        time.sleep(0.2)
        found = api.get(f"/v1/complaints/{opened['id']}").json()
    assert (found["escalation"], found["escalated_at"], found["sla_met"]) == ("team_lead", found["due_at"], False)


def it_is_solved_with_evidence(api: httpx.Client, opened: dict[str, Any]) -> Any:
    refused = change(api, opened, status="resolved")
    assert {error["pointer"] for error in refused.json()["errors"]} == {"/root_cause", "/action_taken"}
    evidence = {"root_cause": "The callback was forgotten at the shift change", "action_taken": "Called and settled"}
    solved = change(api, opened, status="resolved", **evidence).json()
    assert (solved["status"], solved["resolved_by"]) == ("resolved", "agent-3")
    unconfirmed = change(api, opened, status="closed")
    assert {error["pointer"] for error in unconfirmed.json()["errors"]} == {"/subscriber_confirmed"}
    return solved


def a_callback_is_due_within_three_days(api: httpx.Client, subscriber_id: str, solved: dict[str, Any]) -> Any:
    [callback] = api.get("/v1/callbacks", params={"subscriber_id": subscriber_id, "state": "due"}).json()["items"]
    assert (callback["source_id"], callback["owner"]) == (solved["id"], "agent-3")
    return callback


def a_low_score_joins_the_recovery_case(api: httpx.Client, subscriber_id: str, callback: dict[str, Any]) -> Any:
    body = answers(subscriber_id, {"item": "solved", "score": 2}, callback_id=callback["id"], comment="Still waiting")
    answer = api.post("/v1/survey-responses", json=body).json()
    [case] = api.get("/v1/care-cases", params={"subscriber_id": subscriber_id, "open": True}).json()["items"]
    assert [piece["id"] for piece in case["evidence"]] == [callback["source_id"], answer["id"]]
    return answer


def the_overview_shows_all_of_it_in_order(
    api: httpx.Client, subscriber_id: str, contact: dict[str, Any], opened: dict[str, Any], answer: dict[str, Any]
) -> None:
    seen = api.get(f"/v1/subscribers/{subscriber_id}/overview").json()

    assert [event["kind"] for event in seen["timeline"]] == [
        "survey_answer",
        "case_opened",
        "complaint_opened",
        "contact",
    ]
    assert [event["at"] for event in seen["timeline"]] == sorted((e["at"] for e in seen["timeline"]), reverse=True)
    assert [seen["timeline"][place]["id"] for place in (0, 2, 3)] == [answer["id"], opened["id"], contact["id"]]
    [still_open] = seen["open_complaints"]  # an unhappy reply opens it again
    assert (still_open["id"], still_open["escalation"], still_open["ping_pong"]) == (opened["id"], "team_lead", True)
    assert seen["last_contacts"][0]["reason"] == contact["reason"]
    assert (seen["satisfaction"]["dissatisfied"], seen["satisfaction"]["score_share"]) == (True, 0.2)
    assert seen["pool"]["stage"] == "located"
    assert "complaint is past its promise" in seen["prompt"]
    assert seen["score"]["drivers"]


def change(api: httpx.Client, opened: dict[str, Any], **changes: Any) -> httpx.Response:
    return api.patch(f"/v1/complaints/{opened['id']}", json=changes, headers={"if-match": "*"})
