"""The pool of dissatisfied subscribers and its loop (E1, E7, E21)."""

from typing import Any

import httpx
import psycopg
import pytest

from app.domain.access import SCOPES
from tests.conftest import make_key
from tests.factories.answers import CANARY, problem, refused_fields
from tests.factories.bodies import at_once
from tests.factories.contacts import call, complaint
from tests.factories.pages import walk
from tests.factories.subscribers import subscriber
from tests.factories.surveys import answers
from tests.factories.tables import where_found
from tests.service import Service

PATH = "/v1/care-cases"
UNHAPPY = {"item": "solved", "score": 2}
ANALYSED = {"stage": "analysed", "cause": "network", "analysis": "Calls drop on the way to work"}
CARED = {"stage": "cared", "care_given": "Second carrier switched on, credited a month"}
EVALUATED = {"stage": "evaluated", "satisfied": True}
SOLVED = {"status": "resolved", "root_cause": f"Cell overloaded {CANARY}", "action_taken": "Second carrier switched on"}
CONFIRMED = {"status": "closed", "subscriber_confirmed": True}


def opened(api: httpx.Client) -> Any:
    subscriber_id = subscriber(api)
    api.post("/v1/survey-responses", json=answers(subscriber_id, UNHAPPY))
    [case] = walk(api, PATH, 50, subscriber_id=subscriber_id)
    return case


def change(api: httpx.Client, case: dict[str, Any], **changes: Any) -> httpx.Response:
    return api.patch(f"{PATH}/{case['id']}", json=changes, headers={"if-match": "*"})


def complained(api: httpx.Client, subscriber_id: str, **others: Any) -> Any:
    answer = api.post("/v1/complaints", json=complaint(subscriber_id, type="network", **others))
    assert answer.is_success, answer.text
    return answer.json()


def move(api: httpx.Client, opened: dict[str, Any], *steps: dict[str, Any]) -> None:
    for step in steps:
        moved = api.patch(f"/v1/complaints/{opened['id']}", json=step, headers={"if-match": "*"})
        assert moved.status_code == 200, moved.text


def cases(api: httpx.Client, subscriber_id: str) -> list[Any]:
    return walk(api, PATH, 50, subscriber_id=subscriber_id)


def test_a_case_goes_round_the_loop(api: httpx.Client) -> None:
    case = opened(api)
    for step in (ANALYSED, CARED, EVALUATED):
        answer = change(api, case, **step)
        assert answer.status_code == 200, answer.text
        assert step.items() <= answer.json().items()
    closed = api.get(f"{PATH}/{case['id']}").json()

    assert closed["closed_at"] is not None
    assert closed["analysis"] == ANALYSED["analysis"]
    assert walk(api, PATH, 50, subscriber_id=case["subscriber_id"], open="true") == []
    assert len(walk(api, PATH, 50, subscriber_id=case["subscriber_id"], stage="evaluated")) == 1


def test_no_stage_is_skipped(api: httpx.Client) -> None:
    case = opened(api)

    problem(change(api, case, **CARED), 409)
    problem(change(api, case, **EVALUATED), 409)
    assert api.get(f"{PATH}/{case['id']}").json() == case


def test_every_gate_names_the_evidence_it_misses(api: httpx.Client) -> None:
    case = opened(api)

    assert refused_fields(change(api, case, stage="analysed")) == {"/cause", "/analysis"}
    change(api, case, **ANALYSED)
    assert refused_fields(change(api, case, stage="cared")) == {"/care_given"}
    change(api, case, **CARED)
    assert refused_fields(change(api, case, stage="evaluated")) == {"/satisfied"}
    assert refused_fields(change(api, case, stage="evaluated", satisfied=False)) == {"/satisfied"}


def test_a_subscriber_whom_the_care_did_not_satisfy_is_analysed_again(api: httpx.Client) -> None:
    case = opened(api)
    change(api, case, **ANALYSED)
    change(api, case, **CARED)

    assert change(api, case, satisfied=False).json()["stage"] == "analysed"


def test_dissatisfaction_after_a_closed_case_opens_another(api: httpx.Client) -> None:
    case = opened(api)
    for step in (ANALYSED, CARED, EVALUATED):
        change(api, case, **step)
    api.post("/v1/survey-responses", json=answers(case["subscriber_id"], UNHAPPY))
    found = walk(api, PATH, 1, subscriber_id=case["subscriber_id"])

    assert [other["stage"] for other in found] == ["located", "evaluated"]
    problem(change(api, case, owner="agent-1"), 409)


def test_answers_at_once_open_one_case(api: httpx.Client) -> None:
    subscriber_id = subscriber(api)
    body = answers(subscriber_id, UNHAPPY)
    at_once(8, lambda _: api.post("/v1/survey-responses", json=body))
    [case] = walk(api, PATH, 50, subscriber_id=subscriber_id)

    assert len(case["evidence"]) == 8


def test_a_stale_change_is_refused(api: httpx.Client) -> None:
    case = opened(api)
    problem(api.patch(f"{PATH}/{case['id']}", json=ANALYSED), 428)
    problem(api.patch(f"{PATH}/{case['id']}", json=ANALYSED, headers={"if-match": '"9"'}), 412)
    problem(api.get(f"{PATH}/01a200e5-1bcf-7a83-9b61-5a26ac00dfee"), 404)


def test_a_case_is_seen_on_its_three_axes(api: httpx.Client) -> None:
    """Requirement E15: how active somebody is, who they are, what ails them."""
    silent, heard = subscriber(api), subscriber(api, brand="gold", region="east")
    for _ in range(3):
        api.post("/v1/interactions", json=call(heard, need="plan_enquiry"))
    for subscriber_id in (silent, heard):
        api.post("/v1/survey-responses", json=answers(subscriber_id, UNHAPPY))
    [unheard] = walk(api, PATH, 50, subscriber_id=silent)
    [case] = walk(api, PATH, 50, subscriber_id=heard)

    assert (unheard["activity"], unheard["likely_cause"]) == ("silent", "other")
    assert (case["activity"], case["likely_cause"]) == ("frequent", "price")
    assert (case["profile"]["brand"], case["profile"]["region"]) == ("gold", "east")
    api.post("/v1/complaints", json=complaint(heard, type="network"))
    assert api.get(f"{PATH}/{case['id']}").json()["likely_cause"] == "network"


def test_an_agents_key_takes_cases_and_tasks_and_passes_on_its_own(api: httpx.Client, service: Service) -> None:
    case = opened(api)
    api.post("/v1/interactions", json=call(case["subscriber_id"], need="leave"))
    [task] = walk(api, "/v1/tasks", 50, subscriber_id=case["subscriber_id"])
    with service.as_caller(make_key(service.settings, SCOPES, agent_id="agent-55")) as agent:
        for path in (f"{PATH}/{case['id']}", f"/v1/tasks/{task['id']}"):
            asked = [
                agent.patch(path, json={"owner": owner}, headers={"if-match": "*"}).status_code
                for owner in ("agent-56", "agent-55", "agent-56", "agent-57")
            ]
            assert asked == [403, 200, 200, 403]


def test_one_person_by_several_sources_is_one_case(api: httpx.Client) -> None:
    """Requirement E7: a complaint, an internal and an external survey are three pieces of evidence."""
    subscriber_id = subscriber(api)
    sent = [
        complained(api, subscriber_id),
        *(
            api.post("/v1/survey-responses", json=answers(subscriber_id, UNHAPPY, family=family)).json()
            for family in ("internal", "external")
        ),
    ]
    [case] = cases(api, subscriber_id)

    assert {piece["id"] for piece in case["evidence"]} == {fact["id"] for fact in sent}
    assert sorted(piece["source"] for piece in case["evidence"]) == ["complaint", "survey", "survey"]
    assert (case["stage"], case["opened_at"]) == ("located", min(piece["at"] for piece in case["evidence"]))


def test_what_comes_from_all_sources_at_once_is_one_case(api: httpx.Client) -> None:
    """Requirement E7."""
    subscriber_id = subscriber(api)
    bodies = {"/v1/complaints": complaint(subscriber_id), "/v1/survey-responses": answers(subscriber_id, UNHAPPY)}
    paths = sorted(bodies)
    at_once(8, lambda number: api.post(paths[number % 2], json=bodies[paths[number % 2]]))
    [case] = cases(api, subscriber_id)

    assert sorted(piece["source"] for piece in case["evidence"]) == ["complaint"] * 4 + ["survey"] * 4


def test_a_complaint_that_is_confirmed_settles_the_case_it_alone_brought_about(
    api: httpx.Client, store: psycopg.Connection
) -> None:
    """Requirement E21: what the complaint holds is what the case's gates ask for."""
    opened = complained(api, subscriber(api))
    move(api, opened, SOLVED)
    [case] = cases(api, opened["subscriber_id"])
    assert (case["stage"], case["closed_at"]) == ("located", None)
    move(api, opened, CONFIRMED)
    [closed] = cases(api, opened["subscriber_id"])

    assert (closed["stage"], closed["cause"], closed["satisfied"]) == ("evaluated", "network", True)
    assert (closed["analysis"], closed["care_given"]) == (SOLVED["root_cause"], SOLVED["action_taken"])
    assert closed["closed_at"] is not None
    assert where_found(store, CANARY) == set()


def other_evidence(api: httpx.Client, case: dict[str, Any]) -> None:
    api.post("/v1/survey-responses", json=answers(case["subscriber_id"], UNHAPPY))


def another_complaint(api: httpx.Client, case: dict[str, Any]) -> None:
    complained(api, case["subscriber_id"])


def begun(api: httpx.Client, case: dict[str, Any]) -> None:
    change(api, case, **ANALYSED)


def noted(api: httpx.Client, case: dict[str, Any]) -> None:
    change(api, case, analysis="Was rung twice")


@pytest.mark.parametrize("happens", [other_evidence, another_complaint, begun, noted])
def test_a_case_with_more_to_it_stays_with_its_owner(api: httpx.Client, happens: Any) -> None:
    opened = complained(api, subscriber(api))
    [case] = cases(api, opened["subscriber_id"])
    happens(api, case)
    [before] = cases(api, opened["subscriber_id"])
    move(api, opened, SOLVED, CONFIRMED)

    assert cases(api, opened["subscriber_id"]) == [before]
    assert before["closed_at"] is None


def test_a_complaint_that_is_opened_again_after_its_case_was_closed_opens_another(api: httpx.Client) -> None:
    subscriber_id = subscriber(api)
    opened = complained(api, subscriber_id, client_reference=subscriber_id)
    move(api, opened, SOLVED, CONFIRMED)
    complained(api, subscriber_id, client_reference=subscriber_id)  # the same one, heard of once more
    assert [case["stage"] for case in cases(api, subscriber_id)] == ["evaluated"]
    move(api, opened, {"subscriber_confirmed": False})
    again, closed = cases(api, subscriber_id)

    assert (again["stage"], closed["stage"]) == ("located", "evaluated")
    assert [piece["id"] for piece in again["evidence"]] == [opened["id"]]
    assert again["opened_at"] > closed["closed_at"]
    move(api, opened, SOLVED, CONFIRMED)
    assert [case["stage"] for case in cases(api, subscriber_id)] == ["evaluated", "evaluated"]


def test_a_complaint_that_is_opened_again_is_known_to_the_open_case(api: httpx.Client) -> None:
    opened = complained(api, subscriber(api))
    move(api, opened, SOLVED)
    [before] = cases(api, opened["subscriber_id"])
    move(api, opened, {"subscriber_confirmed": False})

    assert cases(api, opened["subscriber_id"]) == [before]
