"""Everything at a glance (E16, I11, I12, I13): one call, without what consents forbid or the key may not read."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest

from app.domain.access import SCOPES
from app.schemas.overview import OverviewRead
from tests.conftest import make_key
from tests.factories.answers import problem, refused_fields
from tests.factories.bodies import outcome, question
from tests.factories.contacts import call, complaint, moments_ago
from tests.factories.subscribers import LEAVING, subscriber
from tests.factories.surveys import answers, expectation
from tests.service import Service


def seen(api: httpx.Client, subscriber_id: str) -> Any:
    answer = api.get(f"/v1/subscribers/{subscriber_id}/overview")
    assert answer.status_code == 200, answer.text
    assert OverviewRead.model_validate_json(answer.content)  # it is written as it is, and still has its shape
    return answer.json()


def lived(api: httpx.Client, **profile: Any) -> str:
    """A subscriber with something of everything."""
    subscriber_id = subscriber(api, features=LEAVING, contact={"name": "Lin Wei", "phone": "+8613800000000"}, **profile)
    api.post("/v1/interactions", json=call(subscriber_id, need="leave", occurred_at=moments_ago(days=3)))
    api.post("/v1/complaints", json=complaint(subscriber_id, occurred_at=moments_ago(days=2)))
    unhappy = answers(subscriber_id, expectation("empathy", 9, 7, 5), answered_at=moments_ago(days=1))
    api.post("/v1/survey-responses", json=unhappy)
    decision = api.post("/v1/decisions", json=question(subscriber_id)).json()
    if decision["actions"]:
        path = f"/v1/decisions/{decision['decision_id']}/outcomes"
        api.post(path, json=outcome(decision["actions"][0]["code"], outcome="declined"))
    return subscriber_id


def test_all_that_is_known_is_seen_in_one_call(api: httpx.Client) -> None:
    subscriber_id = lived(api, brand="gold")
    found = seen(api, subscriber_id)
    score = api.post("/v1/scores", json={"subscriber_id": subscriber_id, "drivers": 5}).json()

    assert found["score"] == score
    assert (found["profile"]["brand"], found["profile"]["contact"]["name"]) == ("gold", "L•••")
    assert "13800000000" not in str(found)
    assert [one["type"] for one in found["open_complaints"]] == ["service"]
    assert [one["need"] for one in found["last_contacts"]] == ["leave"]
    assert [one["about"] for one in found["tasks"]] == ["leave"]
    assert (found["satisfaction"]["worst_dimension"], found["satisfaction"]["dissatisfied"]) == ("empathy", True)
    assert found["satisfaction"]["adequacy_gap"] == pytest.approx((5 - 7) / 9 * 100)
    assert found["pool"]["stage"] == "located"
    assert found["last_recommendation"]["feedback"] in {"declined", None}
    assert [event["at"] for event in found["timeline"]] == sorted((e["at"] for e in found["timeline"]), reverse=True)


def test_the_last_recommendation_is_shown_with_its_time_and_feedback(api: httpx.Client) -> None:
    """Requirement I11."""
    subscriber_id = subscriber(api, features=LEAVING)
    decision = api.post("/v1/decisions", json=question(subscriber_id)).json()
    first = decision["actions"][0]
    api.post(f"/v1/decisions/{decision['decision_id']}/outcomes", json=outcome(first["code"], outcome="declined"))
    found = seen(api, subscriber_id)["last_recommendation"]

    assert (found["decision_id"], found["action"], found["say"]) == (
        decision["decision_id"],
        first["code"],
        first["say"],
    )
    assert (found["feedback"], found["feedback_at"] is not None) == ("declined", True)


def test_the_feedback_is_of_the_action_that_is_named(api: httpx.Client) -> None:
    subscriber_id = subscriber(api, features=LEAVING)
    decision = api.post("/v1/decisions", json=question(subscriber_id)).json()
    first, second = (action["code"] for action in decision["actions"][:2])
    for action, said in ((first, "accepted"), (second, "later")):
        api.post(f"/v1/decisions/{decision['decision_id']}/outcomes", json=outcome(action, outcome=said))
    found = seen(api, subscriber_id)

    assert (found["last_recommendation"]["action"], found["last_recommendation"]["feedback"]) == (first, "accepted")
    answered = [(event["action"], event["about"]) for event in found["timeline"] if event["kind"] == "feedback"]
    assert sorted(answered) == sorted([(first, "accepted"), (second, "later")])


def test_somebody_of_whom_nothing_is_known_is_seen_as_that(api: httpx.Client) -> None:
    found = seen(api, subscriber(api))

    assert found.keys() == {
        "subscriber_id", "at", "profile", "prompt", "open_complaints", "last_contacts", "tasks", "timeline",
    }  # fmt: skip
    assert (found["open_complaints"], found["last_contacts"], found["tasks"], found["timeline"]) == ([], [], [], [])
    problem(api.get("/v1/subscribers/nobody/overview"), 404)


@pytest.mark.parametrize(
    ("consents", "absent"),
    [
        ({"profiling": False}, {"score", "prompt"}),
        ({"marketing": False}, {"last_recommendation"}),
        ({"all": False}, {"score", "prompt", "last_recommendation"}),
        ({"profiling": True, "marketing": True}, set()),
    ],
)
def test_what_a_consent_forbids_is_not_there(api: httpx.Client, consents: dict[str, bool], absent: set[str]) -> None:
    """Requirement I12."""
    found = seen(api, lived(api, consents=consents))

    assert {"score", "prompt", "last_recommendation"} - found.keys() == absent
    kinds = {event["kind"] for event in found["timeline"]}
    assert ("recommendation" in kinds) == ("last_recommendation" not in absent)


def test_a_channel_that_was_opted_out_of_is_not_one_to_reach_them_by(api: httpx.Client) -> None:
    found = seen(api, subscriber(api, consents={"sms": False, "call": True}))

    assert "sms" not in found["profile"]["reachable_by"]
    assert "call" in found["profile"]["reachable_by"]


def test_a_part_the_key_may_not_read_is_not_there(api: httpx.Client, service: Service) -> None:
    subscriber_id = lived(api)
    with service.as_caller(make_key(service.settings, {"subscribers:read", "complaints:read"})) as narrow:
        found = seen(narrow, subscriber_id)
    with service.as_caller(make_key(service.settings, SCOPES - {"subscribers:read"})) as blind:
        problem(blind.get(f"/v1/subscribers/{subscriber_id}/overview"), 403)

    assert found.keys() == {"subscriber_id", "at", "profile", "prompt", "open_complaints", "timeline"}
    assert {event["kind"] for event in found["timeline"]} == {"complaint_opened"}


def test_one_person_is_seen_under_all_ids_and_by_the_strictest_word(api: httpx.Client) -> None:
    """Requirement B17: history follows, and so does what was withdrawn."""
    stays, duplicate = subscriber(api, consents={"profiling": False}), lived(api)
    assert "score" in seen(api, duplicate)
    api.post(f"/v1/subscribers/{stays}/merges", json={"duplicate_id": duplicate})

    for subscriber_id in (stays, duplicate):
        for path in ("/v1/complaints", "/v1/tasks", "/v1/care-cases", "/v1/interactions", "/v1/survey-responses"):
            [one] = api.get(path, params={"subscriber_id": subscriber_id}).json()["items"]
            assert one["subscriber_id"] == duplicate
        found = seen(api, subscriber_id)
        assert "score" not in found
        assert [one["need"] for one in found["last_contacts"]] == ["leave"]
        assert len(found["open_complaints"]) == 1
    api.delete(f"/v1/subscribers/{stays}/merges/{duplicate}")
    assert seen(api, stays)["last_contacts"] == []
    assert "score" in seen(api, duplicate)


def test_what_was_withdrawn_under_one_id_counts_in_decisions_about_the_other(api: httpx.Client) -> None:
    stays, duplicate = subscriber(api, features=LEAVING), subscriber(api, consents={"all": False})
    asked = {"channel": "sms", "direction": "outbound"}
    path = f"/v1/subscribers/{stays}/next-best-actions"
    before = api.get(path, params=asked).json()
    api.post(f"/v1/subscribers/{stays}/merges", json={"duplicate_id": duplicate})
    after = api.get(path, params=asked).json()

    assert before["actions"]
    assert after["actions"] == []


def test_the_prompt_is_in_the_language_that_is_asked_for(api: httpx.Client) -> None:
    path = f"/v1/subscribers/{subscriber(api)}/overview"
    english, chinese, usual = (
        api.get(path, params=asked).json()["prompt"] for asked in ({"language": "en"}, {"language": "zh-CN"}, {})
    )

    assert english == usual == "Nothing is pending: ask how you can help."
    assert chinese == "没有待办事项：请问有什么可以帮您。"
    assert refused_fields(api.get(path, params={"language": "tlh"})) == {"/query/language"}


def test_what_ends_within_two_months_is_said(api: httpx.Client, store: psycopg.Connection) -> None:
    """Requirement I14."""
    store.execute("INSERT INTO features VALUES ('contract_ends_on', 'date', NULL, NULL, NULL, '{}', 'test', now())")
    today = datetime.now(UTC).date()
    soon, later, gone = (
        subscriber(api, features={"contract_ends_on": f"{today + timedelta(days=days)}"}) for days in (30, 90, -1)
    )

    assert f"ends on {today + timedelta(days=30)}" in seen(api, soon)["prompt"]
    assert not [one for one in (later, gone) if "ends on" in seen(api, one)["prompt"]]
