"""The pool as a cube, recomputed from what the list of cases says (E10)."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from app.domain.access import SCOPES
from tests.conftest import make_key
from tests.factories.answers import problem, refused_fields
from tests.factories.contacts import complaint, moments_ago
from tests.factories.pages import walk
from tests.factories.pool import GOALS, POOL, UNHAPPY, asked, complains, send, table, unhappy_region
from tests.factories.subscribers import new_id, subscriber
from tests.factories.surveys import answers
from tests.service import Service

DIMENSIONS = ("source", "brand", "region", "channel", "touchpoint", "times")


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
