"""A decision with 50 actions in the catalogue, recorded: 16 callers at once, 100,000 subscribers with their contacts.

Each request is about another subscriber, so that each is decided anew. The service's processes, PostgreSQL and the
callers share the machine as they will.
"""

import random
import statistics
import time
from collections.abc import Iterator
from typing import Any

import httpx

from bench.load import latencies
from bench.overviews import CALLERS, SUBSCRIBERS, filled
from bench.service import PORT, Row, serving

ACTIONS = 50
REQUESTS = 8_000
WORKERS = 2
CHANNELS = ("call", "app", "web", "sms")


def measure() -> list[Row]:
    with filled() as (demo, told), serving(demo, workers=WORKERS):
        complete_catalogue(told, ACTIONS)
        return look(told)


def complete_catalogue(told: dict[str, Any], actions: int) -> None:
    """Add actions of all shapes until there are so many."""
    key = told["api_keys"]["admin"]
    with httpx.Client(base_url=f"http://127.0.0.1:{PORT}", headers={"Authorization": f"Bearer {key}"}) as api:
        there = len(list(_all_actions(api)))
        for number in range(there, actions):
            body = {
                "name": f"Action {number}",
                "kind": ("offer", "call", "visit", "information")[number % 4],
                "channels": ["call", "app", "web", "sms"],
                "eligibility": f"score.probability >= 0.{number % 5} && features.tenure_months < {40 + number % 40}.0",
                "contact_cost": "0.50",
                "accept_cost": "2.00",
                "monthly_arpu_effect": f"-{number % 4}.00",
                "horizon_days": 90,
                "effect_prior": {"mean": 0.02 + number % 50 / 500, "sd": 0.02},
                "caps": [{"window_days": 30, "max": 2}],
                "say": {"en": "A sentence to say"},
            }
            api.put(f"/v1/actions/bench_{number}", json=body).raise_for_status()


def _all_actions(api: httpx.Client) -> Iterator[Any]:
    cursor = None
    while True:
        page = api.get("/v1/actions", params={"limit": 200} | ({"cursor": cursor} if cursor else {})).json()
        yield from page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return


def look(told: dict[str, Any]) -> list[Row]:
    chance = random.Random(2)  # noqa: S311  # a sample of subscribers, not a secret
    people = chance.sample(range(SUBSCRIBERS), REQUESTS + REQUESTS // 10)
    bodies = [
        {"subscriber_id": f"bench-{n}", "channel": CHANNELS[n % 4], "direction": ("inbound", "outbound")[n % 2]}
        for n in people
    ]
    key = told["api_keys"]["agent"]
    latencies(PORT, key, ["/v1/decisions"] * (REQUESTS // 10), CALLERS, bodies[REQUESTS:])
    began = time.perf_counter()
    taken = latencies(PORT, key, ["/v1/decisions"] * REQUESTS, CALLERS, bodies[:REQUESTS])
    rate = REQUESTS / (time.perf_counter() - began)
    p50, p99 = (statistics.quantiles(taken, n=100)[cut - 1] * 1000 for cut in (50, 99))
    one = latencies(PORT, key, ["/v1/decisions"] * 500, 1, [body | {"channel": "shop"} for body in bodies[:500]])
    alone = statistics.quantiles(one, n=100)
    return [
        (
            f"decision, {ACTIONS} actions, recorded, {CALLERS} callers in a closed loop, {WORKERS} workers, p99",
            "≤ 25 ms",
            f"{p99:.1f} ms",
        ),
        ("… median, and decisions a second", "-", f"{p50:.1f} ms, {rate:,.0f}/s"),
        ("… one caller: median, p99", "-", f"{alone[49] * 1000:.1f} ms, {alone[98] * 1000:.1f} ms"),
    ]
