"""The service is stopped and started, and its processes are replaced one by one, while callers go on."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Final
from uuid import UUID, uuid4

from tests.factories.contacts import call
from tests.weather.caller import Answer, Caller, Unanswered
from tests.weather.ledger import SUBSCRIBERS, lay_subscribers
from tests.weather.progress import tell
from tests.weather.promises import Row, at_least, at_most, none_of
from tests.weather.world import World, world

CALLERS: Final = 8
CYCLES: Final = 20
ROLLS: Final = 5
PAUSE: Final = 0.02
REPLACED_WITHIN: Final = 60.0


@dataclass(slots=True)
class Seen:
    """What callers that go by readiness saw: they send nothing to a process that says it is leaving."""

    sent: int = 0
    run: UUID = field(default_factory=uuid4)
    broken: Counter[str] = field(default_factory=Counter)  # sent, and then the connection broke
    failed: int = 0  # and the same again failed as well, or something other than 201 came
    stops: list[float] = field(default_factory=list)
    not_ready: int = 0


def measure() -> Iterator[Row]:
    with world() as spoiled:
        stops = asyncio.run(stop_and_start(spoiled, CYCLES))
    yield at_least(f"requests while stopped and started {CYCLES} times", stops.sent, 1_000)
    yield none_of("in flight and lost", stops.broken.total())
    yield none_of("answered otherwise than 201", stops.failed)
    yield at_least("times readiness said so first", stops.not_ready, CYCLES)
    yield at_most("slowest stop", max(stops.stops), 10, " s")
    with world() as spoiled:
        rolled = asyncio.run(roll(spoiled, ROLLS))
    yield at_least(f"requests while two processes were replaced {ROLLS} times", rolled.sent, 1_000)
    yield none_of("failed after at most one repetition with the same key", rolled.failed)
    yield none_of("connections broken off under a request", rolled.broken.total())


async def stop_and_start(world: World, cycles: int) -> Seen:
    """Stop as a scheduler does: a signal, and new callers go elsewhere as soon as readiness says so."""
    async with _callers(world, workers=1) as (seen, open_to_callers):
        for cycle in range(cycles):
            tell(f"stop {cycle + 1} of {cycles}")
            await asyncio.sleep(1.0)
            stopping = asyncio.create_task(asyncio.to_thread(world.stop))
            if await _leaves(world):
                seen.not_ready += 1
            open_to_callers.clear()
            seen.stops.append(await stopping)
            await asyncio.to_thread(world.serve)
            open_to_callers.set()
    return seen


@asynccontextmanager
async def _callers(world: World, workers: int) -> AsyncIterator[tuple[Seen, asyncio.Event]]:
    """Serve, and have callers call as long as the block lasts; while the event is cleared they send nothing new."""
    seen, open_to_callers, done = Seen(), asyncio.Event(), asyncio.Event()
    await asyncio.to_thread(world.serve, workers)
    await lay_subscribers(world)
    open_to_callers.set()
    numbers = count()
    calling = [asyncio.create_task(_call(world, seen, numbers, done, open_to_callers)) for _ in range(CALLERS)]
    yield seen, open_to_callers
    done.set()
    await asyncio.gather(*calling)


async def _leaves(world: World) -> bool:
    """Look at readiness, as a load balancer does, until it says 503 and why."""
    async with Caller(world.port, world.key) as caller:
        for _ in range(200):
            try:
                answer = await caller.ask("GET", "/readyz")
            except Unanswered:
                return False
            if answer.status == 503:
                return bool(answer.json()["draining"])
            await asyncio.sleep(0.02)
    return False


async def roll(world: World, times: int) -> Seen:
    """Replace two processes one by one, so many times."""
    async with _callers(world, workers=2) as (seen, _):
        for turn in range(times):
            tell(f"replacement {turn + 1} of {times}")
            await asyncio.sleep(1.0)
            await _replaced(world)
    return seen


async def _replaced(world: World) -> None:
    """Have the processes replaced, and wait until others serve."""
    before = set(world.serving())
    os.kill(world.pid, signal.SIGHUP)
    async with asyncio.timeout(REPLACED_WITHIN):
        while len(set(world.serving()) - before) < len(before) or before & set(world.serving()):  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def _call(
    world: World, seen: Seen, numbers: "count[int]", done: asyncio.Event, open_to_callers: asyncio.Event
) -> None:
    async with Caller(world.port, world.key) as caller:
        while not done.is_set():
            await open_to_callers.wait()
            number = next(numbers)
            body, key = call(f"weather-{number % SUBSCRIBERS}"), f"{seen.run}-{number}"
            answer = await _ask(caller, body, key, seen)
            answer = answer or await _ask(caller, body, key, seen)
            seen.failed += answer is None or answer.status != 201
            await asyncio.sleep(PAUSE)


async def _ask(caller: Caller, body: object, key: str, seen: Seen) -> Answer | None:
    seen.sent += 1
    try:
        return await caller.ask("POST", "/v1/interactions", body, idempotency_key=key)
    except Unanswered as error:
        seen.broken[str(error)] += 1
        return None
