"""The pool as a cube (E10), and how near the four goals of care are (E2); both recomputed from what the lists say."""

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from app.domain.access import SCOPES
from tests.conftest import make_key
from tests.factories import campaigns
from tests.factories.answers import problem, refused_fields
from tests.factories.contacts import complaint, moments_ago
from tests.factories.pages import walk
from tests.factories.subscribers import new_id, subscriber
from tests.factories.surveys import answers
from tests.service import Service

POOL, GOALS = "/v1/reports/pool", "/v1/reports/care-goals"
DIMENSIONS = ("source", "brand", "region", "channel", "touchpoint", "times")
UNHAPPY = {"item": "solved", "score": 2}
SOLVED = {"status": "resolved", "root_cause": "Cell overloaded", "action_taken": "Second carrier switched on"}
CONFIRMED = {"status": "closed", "subscriber_confirmed": True}
ANALYSED = {"stage": "analysed", "cause": "network", "analysis": "Calls drop on the way to work"}


def asked(api: httpx.Client, path: str, **query: Any) -> Any:
    answer = api.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def table(api: httpx.Client, path: str, **query: Any) -> list[dict[str, str]]:
    answer = api.get(path, params=query, headers={"accept": "text/csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.text)))


def send(api: httpx.Client, path: str, body: dict[str, Any]) -> Any:
    answer = api.post(path, json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def complains(api: httpx.Client, subscriber_id: str, **others: Any) -> Any:
    return send(api, "/v1/complaints", complaint(subscriber_id, **others))


def answers_unhappily(api: httpx.Client, subscriber_id: str, **others: Any) -> Any:
    return send(api, "/v1/survey-responses", answers(subscriber_id, UNHAPPY, **others))


def change(api: httpx.Client, path: str, fact: dict[str, Any], *steps: dict[str, Any]) -> None:
    for step in steps:
        answer = api.patch(f"{path}/{fact['id']}", json=step, headers={"if-match": "*"})
        assert answer.status_code == 200, answer.text


def unhappy_region(api: httpx.Client) -> str:
    """A region with four open cases and a closed one."""
    region = new_id()
    people = [subscriber(api, region=region, brand=brand) for brand in ("gold", "gold", "blue", None, "gold")]
    for person in people[:2]:
        complains(api, person, channel="shop", touchpoint="shop_counter", occurred_at=moments_ago(hours=3))
    answers_unhappily(api, people[1], answered_at=moments_ago(hours=2))
    for _ in range(5):
        answers_unhappily(api, people[2], channel="letter")
    answers_unhappily(api, people[3])
    change(api, "/v1/complaints", complains(api, people[4]), SOLVED, CONFIRMED)
    return region


def test_the_pool_is_counted_by_what_brought_them_in(api: httpx.Client) -> None:
    region = unhappy_region(api)
    found = asked(api, POOL, region=region)
    cells = {tuple(item[name] for name in DIMENSIONS): item["cases"] for item in found["items"]}

    assert cells == {
        ("complaint", "gold", region, "shop", "shop_counter", "1"): 1,
        ("complaint", "gold", region, "shop", "shop_counter", "2"): 1,
        ("survey", "blue", region, "letter", "callback", "4+"): 1,
        ("survey", None, region, "call", "callback", "1"): 1,
    }
    assert (found["total"], found["cells"]) == (4, 4)
    assert found["marginals"]["brand"][0] == {"level": "gold", "cases": 2}
    [closed] = asked(api, POOL, region=region, open=False)["items"]
    assert [closed[name] for name in ("source", "channel", "touchpoint")] == ["complaint", "call", "hotline"]


def test_the_cube_adds_up_whichever_slice_is_asked_for(api: httpx.Client) -> None:
    """Requirement E10: the marginals sum to the total."""
    region = unhappy_region(api)
    slices: list[dict[str, Any]] = [
        {},
        {"open": False},
        {"region": region},
        {"region": region, "brand": "gold"},
        {"region": region, "times": "4+"},
        {"source": "complaint", "channel": "shop", "touchpoint": "shop_counter"},
        {"since": moments_ago(hours=4), "until": moments_ago(hours=1)},
        {"region": "nowhere"},
    ]
    for query in slices:
        found = asked(api, POOL, limit=1000, **query)
        sums = {name: sum(row["cases"] for row in rows) for name, rows in found["marginals"].items()}
        assert sums == dict.fromkeys(DIMENSIONS, found["total"]), query
        assert sum(item["cases"] for item in found["items"]) == found["total"]
        assert len(found["items"]) == found["cells"]
        for name in DIMENSIONS:
            assert {row["level"]: row["cases"] for row in found["marginals"][name]} == counted(found["items"], name)
    assert asked(api, POOL, region=region, times="4+")["total"] == 1
    assert asked(api, POOL, region=region, until=moments_ago(hours=1))["total"] == 2


def counted(items: Iterable[dict[str, Any]], name: str) -> dict[str | None, int]:
    found: Counter[str | None] = Counter()
    for item in items:
        found[item[name]] += item["cases"]
    return dict(found)


def test_the_cube_says_what_the_list_of_cases_says(api: httpx.Client) -> None:
    unhappy_region(api)
    for is_open in ("true", "false"):
        cases = walk(api, "/v1/care-cases", 200, open=is_open)
        found = asked(api, POOL, open=is_open)["marginals"]
        listed = {
            "source": Counter(case["evidence"][0]["source"] for case in cases),
            "brand": Counter(case["profile"]["brand"] for case in cases),
            "region": Counter(case["profile"]["region"] for case in cases),
            "times": Counter(str(n) if (n := len(case["evidence"])) < 4 else "4+" for case in cases),
        }
        for name, levels in listed.items():
            assert {row["level"]: row["cases"] for row in found[name]} == levels


def test_fewer_cells_are_the_most_populous_and_the_table_has_all(api: httpx.Client) -> None:
    """Requirement E29: the totals are equal."""
    region = unhappy_region(api)
    complains(api, subscriber(api, region=region, brand="gold"), channel="shop", touchpoint="shop_counter")
    found = asked(api, POOL, region=region, limit=1)
    rows = table(api, POOL, region=region, limit=1)

    assert [item["cases"] for item in found["items"]] == [2]
    assert (found["total"], found["cells"], len(rows)) == (5, 4, 4)
    assert sum(int(row["cases"]) for row in rows) == found["total"]
    assert tuple(rows[0]) == (*DIMENSIONS, "cases")


def test_what_brought_somebody_in_is_what_happened_first_whatever_the_clock_it_was_told_by(api: httpx.Client) -> None:
    region = new_id()
    person = subscriber(api, region=region)
    east, west = (timedelta(hours=hours) for hours in (8, -8))
    now = datetime.now(UTC)
    for path, body, at, offset in (
        ("/v1/complaints", complaint(person), now - timedelta(hours=3), east),
        ("/v1/survey-responses", answers(person, UNHAPPY), now - timedelta(hours=1), west),
    ):
        name = "occurred_at" if "occurred_at" in body else "answered_at"
        send(api, path, body | {name: local(at, offset)})
    [item] = asked(api, POOL, region=region)["items"]

    assert (item["source"], item["times"]) == ("complaint", "2")


def local(at: datetime, offset: timedelta) -> str:
    sign = "+" if offset > timedelta(0) else "-"
    return f"{(at + offset).replace(tzinfo=None).isoformat()}{sign}{abs(offset) // timedelta(hours=1):02}:00"


def test_a_region_sees_its_own_pool(api: httpx.Client, service: Service) -> None:
    mine, theirs = unhappy_region(api), unhappy_region(api)
    with service.as_caller(make_key(service.settings, SCOPES, regions=[mine])) as regional:
        found = asked(regional, POOL)
        assert [row["level"] for row in found["marginals"]["region"]] == [mine]
        assert found["total"] == asked(api, POOL, region=mine)["total"]
        assert asked(regional, POOL, region=theirs)["total"] == 0
        whole = {item["goal"]: item["whole"] for item in asked(regional, GOALS)["items"]}
        assert (whole["refined_management"], whole["routine_monitoring"]) == (5, 10)


def test_what_is_no_level_or_no_period_is_refused(api: httpx.Client, service: Service) -> None:
    backwards = {"since": moments_ago(days=1), "until": moments_ago(days=2)}
    refused: list[tuple[dict[str, Any], str]] = [
        ({"times": "5"}, "/query/times"),
        ({"limit": 0}, "/query/limit"),
        ({"limit": 1001}, "/query/limit"),
        ({"open": "perhaps"}, "/query/open"),
        ({"since": "yesterday"}, "/query/since"),
        (backwards, "/query/until"),
    ]
    for query, pointer in refused:
        assert refused_fields(api.get(POOL, params=query)) == {pointer}
    assert refused_fields(api.get(GOALS, params=backwards)) == {"/query/until"}
    with service.as_caller(make_key(service.settings, {"care:read"})) as other:
        for path in (POOL, GOALS):
            problem(other.get(path), 403)


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
