"""Contacts in batches of 1,000, as a caller sends them, beside PostgreSQL's own COPY of the same rows.

Both in turns, over the same number of connections: only their ratio says something about the service.
"""

import asyncio
import json
import os
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx

from app.demo.home import Demo
from app.embedded.postgres import postgres
from bench.service import PORT, Row, serving, set_up

ROUNDS = 5
BATCH = 1000
BATCHES = 20
CONNECTIONS = 4
WORKERS = 2
TEXTS = (
    ("The bill is higher than last month", "Explain the roaming charge"),
    ("Calls drop in the evening", "Please repair it"),
    ("Which plans have more data", "A cheaper plan"),
    ("账单比上个月高", "请解释漫游费"),
)


def measure() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder, postgres(Path(folder) / "postgres") as server:
        demo = Demo(Path(folder), server.url())
        told = set_up(demo)
        with serving(demo, WORKERS) as _:
            pairs = [(_send(told), _copy(demo, told)) for _ in range(ROUNDS)]
    ours, raw = (statistics.median(rates) for rates in zip(*pairs, strict=True))
    ratio = statistics.median(one / other for one, other in pairs)
    return [
        (f"POST /v1/interactions/batch of 1,000, {WORKERS} workers, rows/s", "≥ 15,000", f"{ours:,.0f}"),
        ("… COPY of the same rows, same connections, rows/s", "-", f"{raw:,.0f}"),
        ("… ratio", "≥ .60", f"{ratio:.2f}"),
    ]


def _send(told: dict[str, Any]) -> float:
    """Send all batches over a few connections; returns rows a second."""
    bodies = [json.dumps({"items": _items(told, n)}).encode() for n in range(BATCHES)]
    headers = {"Authorization": f"Bearer {told['api_keys']['crm']}", "Content-Type": "application/json"}
    with httpx.Client(base_url=f"http://127.0.0.1:{PORT}", headers=headers, timeout=60) as client:
        began = time.perf_counter()
        with ThreadPoolExecutor(CONNECTIONS) as threads:
            answers = list(threads.map(lambda body: client.post("/v1/interactions/batch", content=body), bodies))
        seconds = time.perf_counter() - began
    assert all(answer.status_code == 207 for answer in answers), answers[0].text[:500]
    assert {item["status"] for item in answers[0].json()["items"]} == {201}
    return BATCH * BATCHES / seconds


def _items(told: dict[str, Any], batch: int) -> list[dict[str, Any]]:
    ids = told["subscriber_ids"]
    began = datetime.now(UTC) - timedelta(days=20)
    return [
        {
            "subscriber_id": ids[(batch * BATCH + n * 7) % len(ids)],
            "touchpoint": "hotline",
            "channel": "call",
            "direction": "inbound",
            "occurred_at": (began + timedelta(seconds=batch * BATCH + n)).isoformat(),
            "reason": TEXTS[n % len(TEXTS)][0],
            "request": TEXTS[n % len(TEXTS)][1],
            "agent_id": f"agent-{n % 40}",
        }
        for n in range(BATCH)
    ]


def _copy(demo: Demo, told: dict[str, Any]) -> float:
    return asyncio.run(_copy_all(demo, told))


async def _copy_all(demo: Demo, told: dict[str, Any]) -> float:
    """COPY as many rows of the same width into the same table, each batch a commit."""
    connections = [await asyncpg.connect(demo.database_url) for _ in range(CONNECTIONS)]
    [caller] = await connections[0].fetchrow("SELECT id FROM api_keys LIMIT 1")
    batches = [_rows(told, n, caller) for n in range(BATCHES)]
    began = time.perf_counter()
    await asyncio.gather(*(_copy_some(c, batches[i::CONNECTIONS]) for i, c in enumerate(connections)))
    seconds = time.perf_counter() - began
    for connection in connections:
        await connection.close()
    return BATCH * BATCHES / seconds


async def _copy_some(connection: asyncpg.Connection, batches: list[list[tuple[Any, ...]]]) -> None:
    for rows in batches:
        await connection.copy_records_to_table("interactions", records=rows, columns=COLUMNS)


COLUMNS = (
    "subscriber_id",
    "id",
    "touchpoint",
    "channel",
    "direction",
    "occurred_at",
    "reason",
    "request",
    "need",
    "need_source",
    "agent_id",
    "caller_id",
    "recorded_at",
)


def _rows(told: dict[str, Any], batch: int, caller: Any) -> list[tuple[Any, ...]]:
    at = datetime.now(UTC)
    return [
        (
            item["subscriber_id"],
            uuid4(),
            item["touchpoint"],
            item["channel"],
            item["direction"],
            datetime.fromisoformat(item["occurred_at"]),
            os.urandom(32 + len(item["reason"].encode())),
            os.urandom(32 + len(item["request"].encode())),
            "billing",
            "rule:bill",
            item["agent_id"],
            caller,
            at,
        )
        for item in _items(told, batch)
    ]
