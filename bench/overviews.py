"""The overview of 100,000 subscribers with 2,000,000 contacts, 16 callers at once.

One service process on a core of its own; PostgreSQL and the callers share the other.
"""

import asyncio
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from app.demo.home import Demo
from app.embedded.postgres import postgres
from app.settings import decode_keys
from app.vault import Vault
from bench.load import latencies
from bench.service import PORT, Row, serving, set_up

SUBSCRIBERS = 100_000
CONTACTS_EACH = 20
CALLERS = 16
SERVICE_CORE, OTHERS_CORE = 0, 1
REQUESTS = 20_000
CHUNK = 5_000
NEEDS = ("billing", "fault", "plan_enquiry", "other")


def measure() -> list[Row]:
    with all_but_the_service_on(OTHERS_CORE), filled() as (demo, told), serving(demo, workers=1) as process:
        move(process.pid, SERVICE_CORE)
        return look(told)


@contextmanager
def filled() -> Iterator[tuple[Demo, dict[str, Any]]]:
    """A demo that is set up, and has the subscribers and their contacts besides; and what it tells of itself."""
    with tempfile.TemporaryDirectory() as folder, postgres(Path(folder) / "postgres") as server:
        demo = Demo(Path(folder), server.url())
        told = set_up(demo)
        asyncio.run(fill(demo))
        yield demo, told


@contextmanager
def all_but_the_service_on(core: int) -> Iterator[None]:
    """What is started from here on stays on one core, and leaves the other to the service."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    yield
    os.sched_setaffinity(0, before)


def move(process: int, core: int) -> None:
    for thread in Path(f"/proc/{process}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {core})


def look(told: dict[str, Any]) -> list[Row]:
    chance = random.Random(1)  # noqa: S311  # a sample of subscribers, not a secret
    paths = [f"/v1/subscribers/bench-{chance.randrange(SUBSCRIBERS)}/overview" for _ in range(REQUESTS)]
    latencies(PORT, told["api_keys"]["agent"], paths[: REQUESTS // 10], CALLERS)
    began = time.perf_counter()
    taken = latencies(PORT, told["api_keys"]["agent"], paths, CALLERS)
    rate = REQUESTS / (time.perf_counter() - began)
    p50, p99 = (statistics.quantiles(taken, n=100)[cut - 1] * 1000 for cut in (50, 99))
    of = f"{SUBSCRIBERS:,} subscribers, {SUBSCRIBERS * CONTACTS_EACH:,} contacts"
    return [
        (f"overview, {CALLERS} callers in a closed loop, {of}, p99", "≤ 20 ms", f"{p99:.1f} ms"),
        ("… median, and overviews a second", "-", f"{p50:.1f} ms, {rate:,.0f}/s"),
    ]


async def fill(demo: Demo) -> None:
    """Add the subscribers and their contacts by COPY, sealed like any other."""
    connection = await asyncpg.connect(demo.database_url)
    vault = Vault(decode_keys(demo.environment()["STAYLINE_MASTER_KEYS"]))
    [caller] = await connection.fetchrow("SELECT id FROM api_keys LIMIT 1")
    [features] = await connection.fetchrow("SELECT features FROM feature_snapshots LIMIT 1")
    at = datetime.now(UTC)
    for first in range(0, SUBSCRIBERS, CHUNK):
        ids = [f"bench-{n}" for n in range(first, first + CHUNK)]
        keys = {id: vault.new_data_key(id) for id in ids}
        people = [(id, uuid4(), keys[id], "active", "east", "gold", "{}", 1, at, at) for id in ids]
        await connection.copy_records_to_table("subscribers", records=people, columns=_PERSON)
        snapshots = [(id, at.date(), features, at) for id in ids]
        await connection.copy_records_to_table("feature_snapshots", records=snapshots, columns=_SNAPSHOT)
        contacts = [row for id in ids for row in _contacts(id, vault.of(keys[id], id), caller, at)]
        await connection.copy_records_to_table("interactions", records=contacts, columns=_CONTACT)
        sys.stderr.write(f"\r{first + CHUNK:,} of {SUBSCRIBERS:,} subscribers")
    sys.stderr.write("\n")
    await connection.execute("VACUUM ANALYZE")
    await connection.close()


def _contacts(id: str, words: Vault, caller: UUID, at: datetime) -> Iterator[tuple[Any, ...]]:
    said = (words.seal(b"The bill is higher than last month", "reason"), words.seal(b"Explain it", "request"))
    for n in range(CONTACTS_EACH):
        when = at - timedelta(days=n * 3, seconds=int.from_bytes(os.urandom(2)))
        yield (id, uuid4(), "hotline", "call", "inbound", when, *said, NEEDS[n % 4], "stated", "agent-1", caller, at)


_PERSON = (
    "subscriber_id",
    "pseudonym",
    "data_key",
    "status",
    "region",
    "brand",
    "consents",
    "version",
    "created_at",
    "updated_at",
)
_SNAPSHOT = ("subscriber_id", "as_of", "features", "recorded_at")
_CONTACT = (
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
