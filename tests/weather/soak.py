"""Hours in small: steady load for half an hour, after which nothing has grown.

WEATHER_SOAK_MINUTES makes it another time.
"""

import asyncio
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import linear_regression
from typing import Final

from tests.weather import asked
from tests.weather.ledger import lay_subscribers
from tests.weather.load import Asked, Load, offer, press
from tests.weather.progress import tell
from tests.weather.promises import Row, at_most, none_of
from tests.weather.world import World, world

MINUTES: Final = float(os.environ.get("WEATHER_SOAK_MINUTES", "30"))
WARM_SHARE: Final = 1 / 6  # of the time, in which growing is allowed
SHARE: Final = 0.7  # of what can be answered in the worst of a few moments
MOMENTS: Final = 6
MOMENT: Final = 5.0
EVERY: Final = 5.0
SETTLING: Final = 2.0
PEOPLE: Final = 4_999  # so many that nobody lives through years in half an hour; a prime, so that all get their turn
MIB: Final = 2**20


@dataclass(slots=True)
class Soaked:
    load: Load = field(default_factory=Load)
    rate: float = 0.0
    minutes: list[float] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    files_left: int = 0


def measure() -> Iterator[Row]:
    with world() as spoiled:
        seen = soak(spoiled, MINUTES)
    warm = sum(minute < MINUTES * WARM_SHARE for minute in seen.minutes)
    growth = linear_regression(seen.minutes[warm:], seen.memory[warm:]).slope / MIB
    what = f"{MINUTES:g} min at {seen.rate:.0f}/s, {len(seen.load.answers):,} requests"
    yield at_most(f"{what}: memory grows a minute", round(growth, 3), 1, " MiB")
    files = seen.files[warm:]
    yield at_most("open files beside callers' connections, most less fewest", max(files) - min(files), 8)
    yield at_most("open files when all have hung up, more than before", seen.files_left, 8)
    bad = len([one for one in seen.load.answers if not 0 < one[2] < 500])
    yield none_of("answers 5xx or none", bad)
    yield none_of("… but for those told to come again", bad - seen.load.sent_away)


def soak(world: World, minutes: float) -> Soaked:
    world.start("worker")
    world.serve(STAYLINE_LOG_LEVEL="WARNING")
    return asyncio.run(_soak(world, minutes))


async def _soak(world: World, minutes: float) -> Soaked:
    await lay_subscribers(world, PEOPLE)
    ground = (world.port, world.key, mixed)
    await press(*ground, callers=8, seconds=MOMENT)
    full = [len((await press(*ground, callers=8, seconds=MOMENT)).answers) for _ in range(MOMENTS)]
    seen = Soaked(rate=SHARE * min(full) / MOMENT)
    before = await _files(world)
    watching = asyncio.create_task(_watch(world, seen))
    seen.load = await offer(*ground, rate=seen.rate, seconds=minutes * 60)
    watching.cancel()
    seen.files_left = await _files(world) - before
    return seen


async def _files(world: World) -> int:
    await asyncio.sleep(SETTLING)
    return world.open_files()


async def _watch(world: World, seen: Soaked) -> None:
    began = time.monotonic()
    while True:
        await asyncio.sleep(EVERY)
        seen.minutes.append((time.monotonic() - began) / 60)
        seen.memory.append(world.memory())
        seen.files.append(world.open_files() - world.callers())
        tell(f"{seen.minutes[-1]:.1f} min, {seen.memory[-1] / MIB:.0f} MiB, {seen.files[-1]} open files")


def mixed(number: int) -> Asked:
    match number % 20:
        case 0:
            return asked.decision(number, PEOPLE)
        case 1 | 2 | 3 | 4 | 5:
            return asked.contact(number, PEOPLE)
        case 6 | 7:
            return "GET", f"/v1/subscribers/weather-{number % PEOPLE}/overview", None
    return asked.score(number)
