"""A pause of the store, under load: what piled up meanwhile is worked off, and does not keep itself up."""

import asyncio
from collections.abc import Iterator
from typing import Final

from tests.weather.ledger import lay_subscribers
from tests.weather.load import offer, press
from tests.weather.progress import tell
from tests.weather.promises import Row, at_least, at_most
from tests.weather.soak import PEOPLE, SHARE, mixed
from tests.weather.world import World, world

PAUSE: Final = 1.7
BEFORE: Final = 10.0
SECONDS: Final = 60.0


def measure() -> Iterator[Row]:
    with world() as spoiled:
        spoiled.serve(STAYLINE_LOG_LEVEL="WARNING")
        rate, failed, last = asyncio.run(pause(spoiled))
    yield at_most(f"store paused for {PAUSE} s at {rate:.0f}/s: from its end to the last failed answer", last, 20, " s")
    yield at_least("of what was asked, answered", 1 - failed, 0.95)


async def pause(world: World) -> tuple[float, float, float]:
    """Return the rate, the share of answers that failed, and how long after the pause the last failed one was asked."""
    await lay_subscribers(world, PEOPLE)
    ground = (world.port, world.key, mixed)
    await press(*ground, callers=8, seconds=5)
    rate = SHARE * len((await press(*ground, callers=8, seconds=10)).answers) / 10
    tell("a pause")
    freezing = asyncio.get_running_loop().call_later(BEFORE, _freeze, world)
    load = await offer(*ground, rate=rate, seconds=SECONDS)
    freezing.cancel()
    failed = [sent for sent, _, status in load.answers if not 0 < status < 500]
    return rate, len(failed) / len(load.answers), max(max(failed, default=0.0) - BEFORE - PAUSE, 0.0)


def _freeze(world: World) -> None:
    asyncio.get_running_loop().run_in_executor(None, world.freeze_postgres, PAUSE)
