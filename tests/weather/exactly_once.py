"""Exactly once: writers keep their ledger while one thing after another fails."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Final

from tests.weather.faults import FAULTS, Fault
from tests.weather.ledger import Findings, Ledger, Writers, compare, lay_subscribers
from tests.weather.progress import tell
from tests.weather.promises import Row, at_least, at_most, none_of
from tests.weather.world import World, world

WRITERS: Final = 32
CALM: Final = 2.0  # seconds between two faults, in which writing goes on
BACK_WITHIN: Final = 20.0


@dataclass(slots=True)
class Weathered:
    ledger: Ledger
    findings: Findings
    faults: Counter[str] = field(default_factory=Counter)
    slowest_return: float = 0.0


def measure() -> Iterator[Row]:
    with world() as spoiled:
        seen = weather(spoiled, faults=30, writes=20_000)
    found = seen.findings
    kinds = ", ".join(f"{name} {times}" for name, times in sorted(seen.faults.items()))
    yield at_least(f"faults while writing ({kinds})", seen.faults.total(), 30)
    yield at_least("acknowledged writes", seen.ledger.acknowledged, 20_000)
    yield at_least("of them sent again", seen.ledger.replays, 1_500)
    yield none_of("acknowledged and lost", found.lost)
    yield none_of("stored twice", found.duplicated)
    yield none_of("sent again and answered otherwise", found.diverged)
    yield none_of("refused and stored", found.refused_but_stored)
    yield none_of("answers 500", found.unexpected)
    yield none_of("answers 5xx without a line in the log", found.unlogged)
    yield at_most("slowest answer", seen.ledger.slowest, 2.8, " s")
    yield at_most("from a fault's end to the next acknowledged write", seen.slowest_return, 5, " s")


def weather(
    world: World,
    *,
    faults: int,
    writes: int,
    kinds: Sequence[Fault] = FAULTS,
    workers: int = 2,
    calm: float = CALM,
) -> Weathered:
    """Serve, write, and let things fail: at least so many faults and so many acknowledged writes."""
    world.start("worker")
    world.serve(workers)
    return asyncio.run(_weather(world, faults, writes, kinds, calm))


async def _weather(world: World, faults: int, writes: int, kinds: Sequence[Fault], calm: float) -> Weathered:
    await lay_subscribers(world)
    ledger = Ledger()
    writers = Writers(world, ledger)
    writing = [asyncio.create_task(writers.write()) for _ in range(WRITERS)]
    seen = Weathered(ledger, Findings(0, 0, 0, 0, 0, 0))
    for fault in cycle(kinds):
        await asyncio.sleep(calm)
        if seen.faults.total() >= faults and ledger.acknowledged >= writes:
            break
        await asyncio.to_thread(fault, world)
        seen.faults[fault.__name__] += 1
        seen.slowest_return = max(seen.slowest_return, await _returned(ledger, time.monotonic()))
        tell(f"{seen.faults.total()} faults, {ledger.acknowledged:,} writes acknowledged, last fault {fault.__name__}")
    writers.stop.set()
    await asyncio.gather(*writing)
    seen.findings = await asyncio.to_thread(compare, world, ledger)
    return seen


async def _returned(ledger: Ledger, healed: float) -> float:
    """Seconds from the healing to the first write that is acknowledged after it."""
    while ledger.last_acknowledged <= healed:
        if time.monotonic() > healed + BACK_WITHIN:
            return BACK_WITHIN
        await asyncio.sleep(0.01)
    return ledger.last_acknowledged - healed
