"""10,000 stored decisions, taken again after three changes of the rules and two of the model."""

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from app.demo.home import Demo
from app.embedded.postgres import postgres
from app.ml.registry import activate
from bench.service import PORT, Row, serving, set_up

DECISIONS = 10_000
AT_ONCE = 16
CHANNELS = ("call", "app", "web", "sms", "shop")


def measure() -> list[Row]:
    # Only this measurement needs other models than the demo's: made as the tests make them.
    from tests.factories.candidates import shifted  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder, postgres(Path(folder) / "postgres") as server:
        demo = Demo(Path(folder), server.url())
        told = set_up(demo)
        first = next((demo.models_dir / "churn").iterdir())
        with serving(demo, workers=2):
            ids = asyncio.run(_ask(told, _questions(asyncio.run(_people(demo)))))
            for number in range(3):
                _change_rules(told, number)
            for by in (0.5, -0.7):
                other = shifted(first, by)
                activate(demo.models_dir, other.parent.name, other.name)
            identical = sum(asyncio.run(_ask(told, [(f"/v1/decisions/{id}/replay", {}) for id in ids])))
    return [
        (f"{DECISIONS:,} decisions taken again after 3 policy changes and 2 model swaps", "all", f"{identical:,} alike")
    ]


async def _people(demo: Demo) -> list[str]:
    connection = await asyncpg.connect(demo.database_url)
    rows = await connection.fetch("SELECT subscriber_id FROM subscribers ORDER BY 1")
    await connection.close()
    return [row[0] for row in rows]


def _questions(people: list[str]) -> list[tuple[str, Any]]:
    return [
        (
            "/v1/decisions",
            {
                "subscriber_id": people[number % len(people)],
                "channel": CHANNELS[number // len(people) % len(CHANNELS)],
                "direction": ("inbound", "outbound")[number % 2],
                "limit": number % 10 + 1,
                "context": {"travels": number % 3 == 0},
            },
        )
        for number in range(DECISIONS)
    ]


async def _ask(told: dict[str, Any], requests: list[tuple[str, Any]]) -> list[Any]:
    """POST them all; returns the id of each decision, or whether each replay was identical."""
    found: list[Any] = []
    waiting = iter(requests)
    headers = {"Authorization": f"Bearer {told['api_keys']['admin']}"}

    async def caller(client: httpx.AsyncClient) -> None:
        for path, body in waiting:
            answer = (await client.post(path, json=body)).raise_for_status().json()
            found.append(answer["identical"] if "identical" in answer else answer["decision_id"])
            if len(found) % 500 == 0:
                sys.stderr.write(f"\r{len(found):,} of {len(requests):,} ")

    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{PORT}", headers=headers, timeout=60) as client:
        await asyncio.gather(*(caller(client) for _ in range(AT_ONCE)))
    return found


def _change_rules(told: dict[str, Any], number: int) -> None:
    headers = {"Authorization": f"Bearer {told['api_keys']['admin']}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{PORT}", headers=headers) as api:
        rules = {n: v for n, v in api.get("/v1/policy").json().items() if n not in {"version", "published_at"}}
        rules |= {"mood_days": number + 1, "holdout_share": number / 10, "daily_budget": f"{number}.00"}
        api.put("/v1/policy", json=rules).raise_for_status()
        action = {n: v for n, v in api.get("/v1/actions/contract_12m_discount").json().items() if n != "code"}
        action["contact_cost"] = f"{number + 10}.00"
        api.put("/v1/actions/contract_12m_discount", json=action).raise_for_status()
