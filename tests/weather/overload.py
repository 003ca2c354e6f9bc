"""Overload: ten times as much as can be answered is offered, and as much as ever is answered, in time."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any, Final

import uvloop

from tests.conftest import make_key
from tests.weather import asked
from tests.weather.caller import Caller
from tests.weather.ledger import lay_subscribers
from tests.weather.load import Asked, Load, joined, offer, press
from tests.weather.progress import tell
from tests.weather.promises import Row, at_least, at_most, none_of, percentile
from tests.weather.world import World, world

# So few that places run out before the processor does: of that, saying no takes a share of its own.
MOST_AT_ONCE: Final = 1
TIMES: Final = 10
SHED: Final = 503
MADE: Final = 201
RATE_LIMIT: Final = 20


@dataclass(slots=True)
class Overloaded:
    capacity: float  # answers a second, with as many callers as are let in, before and after
    calm: Load
    storm: Load
    after: Load
    health: list[float]
    memory: tuple[int, int]  # before, most within
    seconds: float

    @property
    def goodput(self) -> float:
        return self.storm.statuses[MADE] / self.seconds / self.capacity


def measure() -> Iterator[Row]:
    with world() as spoiled:
        found = overload(spoiled, seconds=60)
    yield from rows(found)
    with world() as spoiled:
        yield from fairness(spoiled)


def rows(found: Overloaded) -> Iterator[Row]:
    calm = found.calm.p99(MADE)
    shed, made = found.storm.seconds(SHED), found.storm.seconds(MADE)
    where = f"{TIMES} × {found.capacity:.0f}/s for {found.seconds:.0f} s"
    yield at_least(f"{where}: answered, of the capacity", found.goodput, 0.80)
    yield at_most(
        f"p99 of what is let in (calm {calm:.3f} s)", percentile(made, 0.99), round(max(5 * calm, 0.5), 3), " s"
    )
    yield at_most(f"slowest of {len(shed):,} that were sent away", max(shed, default=0.0), 0.1, " s")
    yield none_of("sent away without Retry-After", sum("retry-after" not in bad.headers for bad in found.storm.bad))
    yield none_of("answered otherwise", len(found.storm.answers) - len(shed) - len(made))
    yield at_most("slowest health answer", max(found.health), 1, " s")
    yield at_most("memory, of what it was before", found.memory[1] / found.memory[0], 1.5)
    yield at_most("p99 from the fifth second after, of the calm one", found.after.p99(MADE, since=5.0) / calm, 2)


def overload(world: World, *, seconds: float) -> Overloaded:
    world.serve()
    asyncio.run(lay_subscribers(world))
    world.stop()
    world.serve(STAYLINE_MOST_AT_ONCE=str(MOST_AT_ONCE), STAYLINE_LOG_LEVEL="WARNING", DATABASE_URL=world.database_url)
    every = os.sched_getaffinity(0)
    world.share_cores()
    try:
        return uvloop.run(_overload(world, seconds))
    finally:
        os.sched_setaffinity(0, every)


async def _overload(world: World, seconds: float) -> Overloaded:
    ground = (world.port, world.key, asked.decision)
    await press(*ground, callers=MOST_AT_ONCE, seconds=3)  # warm
    tell("how much can be answered")
    capacity = await _capacity(ground)
    tell(f"{capacity:.0f}/s can be answered; half of that is calm")
    calm = await offer(*ground, rate=capacity / 2, seconds=10)
    before = world.memory()
    tell(f"{TIMES} times that")
    watching = asyncio.create_task(_watch(world))
    storm = await offer(*ground, rate=capacity * TIMES, seconds=seconds)
    watching.cancel()
    health, most = await watching
    after = await offer(*ground, rate=capacity / 2, seconds=10)
    # Once more, since how fast a machine is changes with whoever else is on it.
    capacity = (capacity + await _capacity(ground)) / 2
    return Overloaded(capacity, calm, storm, after, health, (before, most), seconds)


async def _capacity(ground: tuple[int, str, Callable[[int], Asked]]) -> float:
    full = await press(*ground, callers=MOST_AT_ONCE, seconds=10)
    return full.statuses[MADE] / 10


async def _watch(world: World) -> tuple[list[float], int]:
    """Ask how it is, five times a second, until cancelled; and how much memory it takes."""
    taken, most = [], 0
    try:
        async with Caller(world.port, "") as caller:
            while True:
                began = time.perf_counter()
                assert (await caller.ask("GET", "/livez")).status == 200
                taken.append(time.perf_counter() - began)
                most = max(most, world.memory())
                await asyncio.sleep(0.2)
    except asyncio.CancelledError:
        return taken, most


def fairness(world: World) -> Iterator[Row]:
    """One caller sends ten times what its key may, beside another."""
    world.serve(STAYLINE_RATE_LIMIT=str(RATE_LIMIT), STAYLINE_LOG_LEVEL="WARNING")
    greedy, alone, beside = asyncio.run(_beside(world))
    yield at_least("of the greedy caller's requests refused", greedy.share(429), 0.8)
    yield none_of("of its neighbour's", len(beside.answers) - beside.statuses[200])
    yield at_most("its neighbour's p99, of that without it", beside.p99(200) / alone.p99(200), 1.5)


async def _beside(world: World, seconds: float = 15.0) -> tuple[Load, Load, Load]:
    from app.domain.access import SCOPES  # noqa: PLC0415  # after the world is set up

    other = await asyncio.to_thread(make_key, world.settings, SCOPES)
    alone, beside, greedy = [], [], []
    chance = Random(7)  # noqa: S311  # when, not a secret
    to: dict[str, Any] = {"port": world.port, "make": asked.score, "seconds": seconds, "spread": chance}
    neighbour = partial(offer, key=other, rate=RATE_LIMIT / 2, **to)
    greedy_one = partial(offer, key=world.key, rate=RATE_LIMIT * TIMES, **to)
    await neighbour()  # warm
    for _ in range(4):  # in turns, so that what else happens on the machine happens to both
        alone.append(await neighbour())
        both = await asyncio.gather(neighbour(), greedy_one())
        beside.append(both[0])
        greedy.append(both[1])
    return joined(greedy), joined(alone), joined(beside)
