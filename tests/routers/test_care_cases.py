"""The pool of dissatisfied subscribers and its loop (E1, E7, E21)."""

from typing import Any

import httpx

from tests.factories.answers import problem, refused_fields
from tests.factories.bodies import at_once
from tests.factories.pages import walk
from tests.factories.subscribers import subscriber
from tests.factories.surveys import answers

PATH = "/v1/care-cases"
UNHAPPY = {"item": "solved", "score": 2}
ANALYSED = {"stage": "analysed", "cause": "network", "analysis": "Calls drop on the way to work"}
CARED = {"stage": "cared", "care_given": "Second carrier switched on, credited a month"}
EVALUATED = {"stage": "evaluated", "satisfied": True}


def opened(api: httpx.Client) -> Any:
    subscriber_id = subscriber(api)
    api.post("/v1/survey-responses", json=answers(subscriber_id, UNHAPPY))
    [case] = walk(api, PATH, 50, subscriber_id=subscriber_id)
    return case


def change(api: httpx.Client, case: dict[str, Any], **changes: Any) -> httpx.Response:
    return api.patch(f"{PATH}/{case['id']}", json=changes, headers={"if-match": "*"})


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
