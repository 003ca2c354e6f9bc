"""How near the four goals of care are, recomputed from what the lists say (E2)."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.factories import campaigns
from tests.factories.contacts import moments_ago
from tests.factories.pages import walk
from tests.factories.pool import (
    ANALYSED,
    CONFIRMED,
    GOALS,
    SOLVED,
    answers_unhappily,
    asked,
    change,
    complains,
    table,
)
from tests.factories.subscribers import subscriber


def goals(api: httpx.Client, since: datetime, until: datetime) -> dict[str, dict[str, Any]]:
    found = asked(api, GOALS, since=since.isoformat(), until=until.isoformat())
    return {item["goal"]: item for item in found["items"]}


def happened(facts: Iterable[dict[str, Any]], name: str, since: datetime, until: datetime) -> list[dict[str, Any]]:
    return [fact for fact in facts if fact[name] and since <= datetime.fromisoformat(fact[name]) < until]


def within_a_day(fact: dict[str, Any], happened_at: str, recorded_at: str) -> bool:
    times = [datetime.fromisoformat(fact[name]) for name in (happened_at, recorded_at)]
    return times[1] - times[0] <= timedelta(days=1)


def recomputed(api: httpx.Client, since: datetime, until: datetime) -> dict[str, tuple[int, int]]:
    """Each part and whole, from the lists: an unhappy answer is a case's evidence."""
    everyone = walk(api, "/v1/care-cases", 200)
    told = [piece["id"] for case in everyone for piece in case["evidence"] if piece["source"] == "survey"]
    unhappy = happened((asked(api, f"/v1/survey-responses/{id}") for id in told), "answered_at", since, until)
    complaints = happened(walk(api, "/v1/complaints", 200), "occurred_at", since, until)
    cases = happened(everyone, "opened_at", since, until)
    ended = happened(walk(api, "/v1/campaigns", 200, state="ended"), "ended_at", since, until)
    noticed = [within_a_day(answer, "answered_at", "recorded_at") for answer in unhappy]
    noticed += [within_a_day(each, "occurred_at", "created_at") for each in complaints]

    def of(facts: list[dict[str, Any]], holds: Callable[[dict[str, Any]], bool]) -> tuple[int, int]:
        return sum(holds(fact) for fact in facts), len(facts)

    return {
        "routine_monitoring": (sum(noticed), len(noticed)),
        "refined_management": of(cases, lambda case: case["cause"] is not None and case["stage"] != "located"),
        "standardised_care": of(cases, lambda case: case["closed_at"] is not None),
        "shared_knowledge": of(ended, lambda campaign: campaign["result"]["verdict"] != "not_enough_data"),
    }


def some_of_everything(api: httpx.Client) -> None:
    people = [subscriber(api) for _ in range(6)]
    for person, hours in zip(people, (1, 2, 30, 30, 50, 80), strict=True):
        complains(api, person, occurred_at=moments_ago(hours=hours))
    answers_unhappily(api, people[1])
    answers_unhappily(api, subscriber(api), answered_at=moments_ago(hours=40))
    change(api, "/v1/complaints", complains(api, subscriber(api)), SOLVED, CONFIRMED)
    [case] = walk(api, "/v1/care-cases", 50, subscriber_id=people[2])
    change(api, "/v1/care-cases", case, ANALYSED)
    region, _ = campaigns.people(api, 2)
    campaign = campaigns.make(api, region)
    campaigns.start(api, campaign["id"])
    assert campaigns.move(api, campaign["id"], "ended").status_code == 200


def test_every_figure_of_the_goals_is_recomputed_from_the_lists(api: httpx.Client) -> None:
    """Requirement E2."""
    some_of_everything(api)
    until = datetime.now(UTC)
    since = until - timedelta(hours=36)
    found = goals(api, since, until)
    expected, before = recomputed(api, since, until), recomputed(api, since - timedelta(hours=36), since)

    assert {goal: (item["part"], item["whole"]) for goal, item in found.items()} == expected
    for goal, item in found.items():
        assert item["share"] == pytest.approx(expected[goal][0] / expected[goal][1])
        part, whole = before[goal]
        assert item["share_before"] == (pytest.approx(part / whole) if whole else None)
    assert 0 < found["routine_monitoring"]["share"] < 1
    assert found["routine_monitoring"]["share_before"] == 0
    assert found["refined_management"]["part"] > found["standardised_care"]["part"] > 0


def test_a_measured_campaign_counts_and_one_with_too_few_does_not(api: httpx.Client) -> None:
    """Requirement E27: what was learned is in the knowledge base."""
    since = datetime.now(UTC)
    for people in (2, 60):
        region, _ = campaigns.people(api, people)
        campaign = campaigns.make(api, region, holdout_share=0.5)
        campaigns.start(api, campaign["id"])
        held = [id for id, arm in campaigns.members(api, campaign["id"]).items() if arm == "holdout"]
        for id in held if people > 2 else []:
            gone = api.patch(f"/v1/subscribers/{id}", json={"status": "churned"}, headers={"if-match": "*"})
            assert gone.is_success, gone.text
        campaigns.move(api, campaign["id"], "ended").raise_for_status()
    found = goals(api, since, datetime.now(UTC))["shared_knowledge"]

    assert (found["measure"], found["part"], found["whole"], found["share"]) == ("result_measured", 1, 2, 0.5)


def test_nothing_is_no_share_and_the_usual_period_is_the_last_thirty_days(api: httpx.Client) -> None:
    long_ago = datetime(1950, 1, 1, tzinfo=UTC)
    for item in goals(api, long_ago, long_ago + timedelta(days=1)).values():
        assert (item["part"], item["whole"], item["share"], item["share_before"]) == (0, 0, None, None)
    found = asked(api, GOALS)
    since, until = (datetime.fromisoformat(found[name]) for name in ("since", "until"))
    assert until - since == timedelta(days=30)
    assert abs(datetime.now(UTC) - until) < timedelta(minutes=1)


def test_the_table_of_the_goals_says_what_the_report_says(api: httpx.Client) -> None:
    some_of_everything(api)
    period = {"since": moments_ago(hours=36), "until": moments_ago(hours=0)}
    told = asked(api, GOALS, **period)["items"]
    rows = table(api, GOALS, **period)

    assert [{name: "" if value is None else str(value) for name, value in item.items()} for item in told] == rows
