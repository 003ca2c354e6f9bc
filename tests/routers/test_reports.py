"""Reports: satisfaction by family, the questionnaire, callbacks (G9), promises kept (I8), orders refused (K7)."""

import csv
import io
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.factories.answers import refused_fields
from tests.factories.contacts import call, complaint, moments_ago
from tests.factories.pages import walk
from tests.factories.subscribers import subscriber
from tests.factories.surveys import answers


def report(api: httpx.Client, name: str, **query: str) -> Any:
    answer = api.get(f"/v1/reports/{name}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def survey(api: httpx.Client, *given: dict[str, Any], **others: Any) -> None:
    subscriber_id = subscriber(api)
    assert api.post("/v1/survey-responses", json=answers(subscriber_id, *given, **others)).status_code == 201


def named(rows: list[dict[str, Any]], name: str, column: str = "name") -> dict[str, Any]:
    [row] = [row for row in rows if row[column] == name]
    return row


def test_the_two_families_have_averages_of_their_own(api: httpx.Client) -> None:
    """Requirement G1."""
    item = f"item-{uuid4().hex[:8]}"
    survey(api, {"item": item, "score": 8}, family="internal")
    survey(api, {"item": item, "score": 4}, family="internal")
    survey(api, {"item": item, "score": 1}, family="external")

    assert named(report(api, "satisfaction", family="internal")["items"], item)["mean"] == pytest.approx(0.6)
    assert named(report(api, "satisfaction", family="external")["items"], item)["mean"] == pytest.approx(0.1)
    assert refused_fields(api.get("/v1/reports/satisfaction")) == {"/query/family"}


def test_dimensions_are_weighed_as_stated(api: httpx.Client) -> None:
    """Requirement G3."""
    for dimension, score in (("reliability", 9), ("empathy", 5)):
        survey(api, {"item": dimension, "dimension": dimension, "score": score}, family="external")
    weights = "reliability:0.7,empathy:0.3"
    found = report(api, "satisfaction", family="external", weights=weights)
    means = {row["name"]: row["mean"] for row in found["dimensions"]}

    assert found["weighted"] == pytest.approx(0.7 * means["reliability"] + 0.3 * means["empathy"])
    for wrong in ("reliability:0.7,empathy:0.4", "reliability:one", "mood:1", ""):
        answer = api.get("/v1/reports/satisfaction", params={"family": "external", "weights": wrong})
        assert refused_fields(answer) == {"/query/weights"}


def test_a_role_is_held_to_its_target(api: httpx.Client) -> None:
    """Requirement G7."""
    target = {"target": 0.95}
    assert api.put("/v1/satisfaction-targets/internal/technical_director", json=target).json()["target"] == 0.95
    survey(api, {"item": "repair", "score": 8}, role="technical_director")
    found = named(report(api, "satisfaction", family="internal")["roles"], "technical_director", "role")

    assert (found["mean"], found["target"], found["met"]) == (pytest.approx(0.8), 0.95, False)
    assert found["gap_to_target"] == pytest.approx(-0.15)
    listed = api.get("/v1/satisfaction-targets").json()["items"]
    assert ("internal", "technical_director", 0.95) in {(t["family"], t["role"], t["target"]) for t in listed}


def test_an_agent_sees_how_those_feel_whom_they_served(api: httpx.Client) -> None:
    """Requirement G12."""
    agent_id = f"agent-{uuid4().hex[:8]}"
    for score, days in ((10, 0), (2, 40)):
        survey(api, {"item": "served", "score": score}, agent_id=agent_id, answered_at=moments_ago(days=days))
    found = api.get(f"/v1/agents/{agent_id}/satisfaction").json()

    assert (found["responses"], found["mean"], found["low_share"]) == (2, pytest.approx(0.6), 0.5)
    assert (found["responses_this_month"], found["mean_this_month"]) == (1, 1.0)
    assert api.get("/v1/agents/nobody/satisfaction").json()["mean"] is None


def test_the_questionnaire_asks_about_what_outsiders_rate_worst(api: httpx.Client) -> None:
    """Requirement G6."""
    item = f"worst-{uuid4().hex[:8]}"
    survey(api, {"item": item, "dimension": "empathy", "score": 1}, family="external", scale_max=100)
    survey(api, {"item": f"internal-{item}", "score": 1}, family="internal", scale_max=100)
    found = report(api, "questionnaire", size="5")["items"]

    assert len(found) <= 5
    assert [question["external_mean"] for question in found] == sorted(q["external_mean"] for q in found)
    assert named(found, item, "item")["question"].endswith("?")
    assert not [question for question in found if question["item"].startswith("internal-")]


def served(api: httpx.Client, **others: Any) -> dict[str, Any]:
    subscriber_id = subscriber(api)
    opened = api.post("/v1/complaints", json=complaint(subscriber_id, **others)).json()
    solved = {"status": "resolved", "root_cause": "Queue", "action_taken": "Called"}
    done: dict[str, Any] = api.patch(f"/v1/complaints/{opened['id']}", json=solved, headers={"if-match": "*"}).json()
    return done


def test_the_callback_report_counts_what_was_made_in_time(api: httpx.Client) -> None:
    """Requirements G9 and G10."""
    before = report(api, "callbacks")
    made, late, due = (served(api)["subscriber_id"] for _ in range(3))
    for subscriber_id in (made, late):
        [callback] = walk(api, "/v1/callbacks", 50, subscriber_id=subscriber_id)
        if subscriber_id == late:
            path = f"/v1/tasks/{callback['id']}"
            api.patch(path, json={"due_at": moments_ago(hours=1)}, headers={"if-match": "*"})
        body = answers(subscriber_id, {"item": "solved", "score": 9}, callback_id=callback["id"])
        api.post("/v1/survey-responses", json=body)
    after = report(api, "callbacks")

    assert {name: after[name] - before[name] for name in ("due", "made_in_time", "made_late", "pending")} == {
        "due": 3,
        "made_in_time": 1,
        "made_late": 1,
        "pending": 1,
    }
    assert after["mean_score"] is not None
    shares = [row["cumulative_share"] for row in after["frequent_complaints"]]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)
    assert due


def test_the_callback_report_is_a_table_or_a_letter_for_whoever_asks(api: httpx.Client) -> None:
    """Requirement G9."""
    served(api)
    told = report(api, "callbacks")
    table = api.get("/v1/reports/callbacks", headers={"accept": "text/csv"})
    letter = api.get("/v1/reports/callbacks", headers={"accept": "text/markdown"})
    rows = list(csv.DictReader(io.StringIO(table.text)))

    assert table.headers["content-type"].startswith("text/csv")
    assert [(row["about"], int(row["due"])) for row in rows] == [(r["about"], r["due"]) for r in told["by_subject"]]
    assert letter.headers["content-type"].startswith("text/markdown")
    assert letter.text.startswith("# Callback report\n")
    assert f"{told['due']} callbacks fell due" in letter.text


def test_promises_are_counted_by_owner_and_team(api: httpx.Client) -> None:
    """Requirement I8: the one accountable owner has a figure of their own."""
    owner = f"owner-{uuid4().hex[:8]}"
    served(api, owner=owner, team="north")
    served(api, owner=owner, team="north", occurred_at=moments_ago(hours=60))
    api.post("/v1/complaints", json=complaint(subscriber(api), owner=owner, team="north"))
    found = named(report(api, "complaint-sla")["items"], owner, "owner")

    assert (found["team"], found["complaints"], found["kept"], found["broken"], found["running"]) == (
        "north",
        3,
        1,
        1,
        1,
    )
    assert found["kept_share"] == 0.5


def test_orders_are_counted_by_region_with_the_reasons_of_refusal(api: httpx.Client) -> None:
    """Requirement K7."""
    region = f"region-{uuid4().hex[:8]}"
    subscriber_id = subscriber(api, region=region)
    orders: list[dict[str, Any]] = [
        {"order_outcome": "completed"},
        {"order_outcome": "pending"},
        {"order_outcome": "refused", "refusal_reason": "no_port"},
        {"order_outcome": "refused", "refusal_reason": "no_line"},
        {"order_outcome": "refused", "refusal_reason": "no_line"},
    ]
    for order in orders:
        api.post("/v1/interactions", json=call(subscriber_id, **order))
    found = named(report(api, "order-refusals")["items"], region, "region")

    assert (found["orders"], found["completed"], found["refused"], found["completion_rate"]) == (5, 1, 3, 0.25)
    assert found["reasons"] == {"no_port": 1, "no_line": 2}


def test_a_period_ends_after_it_begins(api: httpx.Client) -> None:
    query = {"since": moments_ago(days=1), "until": moments_ago(days=2)}

    assert refused_fields(api.get("/v1/reports/callbacks", params=query)) == {"/query/until"}


def test_what_was_the_matter_with_those_who_left_is_told_beside_the_benchmark(api: httpx.Client) -> None:
    """Requirement K16."""
    before = report(api, "leave-reasons")
    for reason in ("service", "network", None):
        who = subscriber(api)
        if reason:
            assert api.post("/v1/complaints", json=complaint(who, type=reason)).status_code == 201
        gone = api.patch(f"/v1/subscribers/{who}", json={"status": "churned"}, headers={"if-match": "*"})
        assert gone.is_success
    after = report(api, "leave-reasons")

    def count(found: dict[str, Any], reason: str) -> int:
        return sum(item["churned"] for item in found["items"] if item["reason"] == reason)

    for reason in ("service", "network", "unknown"):
        assert count(after, reason) == count(before, reason) + 1
    assert after["churned"] == before["churned"] + 3
    assert after["service_share"] > 0
    assert after["benchmark"] == 0.21
