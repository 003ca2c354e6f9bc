"""The store is away, in each way there is: what needs it says so in time, and what does not goes on."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from tests.weather import asked
from tests.weather.caller import Answer, Caller, Unanswered
from tests.weather.ledger import lay_subscribers
from tests.weather.load import Load, offer
from tests.weather.progress import tell
from tests.weather.promises import Row, at_least, at_most, none_of
from tests.weather.world import NAME, World, world

AWAY_SECONDS: Final = 30.0
SCORES_A_SECOND: Final = 20
WRITES_A_SECOND: Final = 5
BACK_WITHIN: Final = 20.0
Away = Callable[[World, float], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Outage:
    name: str
    scores: Load
    writes: Load
    back: float


def measure() -> Iterator[Row]:
    with world() as spoiled:
        spoiled.serve()
        calm, outages = asyncio.run(endure(spoiled, AWAY_SECONDS))
    for outage in outages:
        yield from rows(calm, outage)


async def endure(world: World, seconds: float) -> tuple[Load, list[Outage]]:
    """Score and write, calmly; then while the store is away in each way for so long."""
    await lay_subscribers(world)
    await offer(world.port, world.key, asked.score, rate=SCORES_A_SECOND, seconds=2)  # warm
    tell("calm")
    calm, _ = await _work(world, seconds / 2)
    found = []
    for away in WAYS:
        tell(away.__name__)
        spoiling = asyncio.create_task(away(world, seconds))
        await asyncio.sleep(0.5)  # what was under way when it began has ended
        scores, writes = await _work(world, seconds - 1.0)
        await spoiling
        found.append(Outage(away.__name__.replace("_", " "), scores, writes, await _back(world)))
    return calm, found


async def _work(world: World, seconds: float) -> tuple[Load, Load]:
    return await asyncio.gather(
        offer(world.port, world.key, asked.score, rate=SCORES_A_SECOND, seconds=seconds),
        offer(world.port, world.key, asked.contact, rate=WRITES_A_SECOND, seconds=seconds),
    )


async def _back(world: World) -> float:
    """Seconds until a write is acknowledged again."""
    began = time.monotonic()
    async with Caller(world.port, world.key) as caller:
        while time.monotonic() < began + BACK_WITHIN:
            if (answer := await _try(caller)) and answer.status == 201:
                return time.monotonic() - began
            await asyncio.sleep(0.05)
    return BACK_WITHIN


async def _try(caller: Caller) -> Answer | None:
    try:
        return await caller.ask(*asked.contact(1))
    except Unanswered:
        return None


def rows(calm: Load, outage: Outage) -> Iterator[Row]:
    yield at_least(f"{outage.name}: scores answered", outage.scores.share(200) * 100, 99.9, " %")
    yield at_most(f"{outage.name}: p99 of scores, of the calm one", outage.scores.p99(200) / calm.p99(200), 2)
    yield at_most(f"{outage.name}: slowest answer to a write", max(outage.writes.seconds(201, 503, 500)), 2, " s")
    wrong = sum(times for status, times in outage.writes.statuses.items() if status not in {201, 503})
    yield none_of(f"{outage.name}: writes answered neither 201 nor 503", wrong)
    unsaid = sum(bad.status == 503 and "retry-after" not in bad.headers for bad in outage.writes.bad)
    yield none_of(f"{outage.name}: 503 without Retry-After", unsaid)
    yield at_most(f"{outage.name}: to the first write after it", outage.back, 5, " s")


async def refused(world: World, seconds: float) -> None:
    await asyncio.to_thread(world.road.refuse)
    await asyncio.sleep(seconds)
    await asyncio.to_thread(world.road.open)


async def silent(world: World, seconds: float) -> None:
    await asyncio.to_thread(world.road.hold)
    await asyncio.sleep(seconds)
    await asyncio.to_thread(world.road.open)


async def reset_all_the_time(world: World, seconds: float) -> None:
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        await asyncio.to_thread(world.road.reset)
        await asyncio.sleep(0.2)


async def frozen(world: World, seconds: float) -> None:
    await asyncio.to_thread(world.freeze_postgres, seconds)


async def out_of_connections(world: World, seconds: float) -> None:
    """Somebody else takes every connection there is."""
    held: list[psycopg.Connection[object]] = []
    try:
        give_up = time.monotonic() + seconds
        while time.monotonic() < give_up:
            await asyncio.to_thread(_take_all, world, held)
            await asyncio.sleep(0.2)
    finally:
        for connection in held:
            connection.close()


def _take_all(world: World, held: "list[psycopg.Connection[object]]") -> None:
    if not held:
        world.terminate_backends()
    try:
        while True:
            held.append(psycopg.connect(world.database_url, autocommit=True))
    except psycopg.OperationalError:
        return


async def locked_table(world: World, seconds: float) -> None:
    with psycopg.connect(world.database_url) as store:
        store.execute("LOCK TABLE interactions IN ACCESS EXCLUSIVE MODE")
        await asyncio.sleep(seconds)


async def read_only(world: World, seconds: float) -> None:
    with _setting(world, "default_transaction_read_only", "on"):
        await asyncio.sleep(seconds)


@contextmanager
def _setting(world: World, name: str, value: str) -> Iterator[None]:
    with psycopg.connect(world.server.url(), autocommit=True) as store:
        store.execute(f"ALTER DATABASE {NAME} SET {name} = '{value}'".encode())
        world.terminate_backends()
        try:
            yield
        finally:
            store.execute(f"ALTER DATABASE {NAME} RESET {name}".encode())
            world.terminate_backends()


WAYS: Final[tuple[Away, ...]] = (
    refused,
    silent,
    reset_all_the_time,
    frozen,
    out_of_connections,
    locked_table,
    read_only,
)
