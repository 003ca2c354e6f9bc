"""Models are switched under load: no request fails, and each score is the one of the version it names."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from tests.factories.models import train_small
from tests.weather import asked
from tests.weather.caller import Caller, Unanswered
from tests.weather.ledger import lay_subscribers
from tests.weather.progress import tell
from tests.weather.promises import Row, at_least, at_most, none_of
from tests.weather.world import World, world

SWAPS: Final = 50
CALLERS: Final = 4
MIB: Final = 2**20


@dataclass(slots=True)
class Swapped:
    scores: Counter[str] = field(default_factory=Counter)  # by version
    failed: int = 0
    mixed: int = 0
    growth: float = 0.0  # bytes a swap


def measure() -> Iterator[Row]:
    with world() as spoiled:
        seen = swap(spoiled, SWAPS)
    yield at_least(f"scores during {SWAPS} swaps", seen.scores.total(), 1_000)
    yield at_least("of either model", min(seen.scores.values()), 100)
    yield none_of("not answered", seen.failed)
    yield none_of("scores that are not those of the version they name", seen.mixed)
    yield at_most("memory, a swap", seen.growth / MIB, 1, " MiB")


def swap(world: World, times: int) -> Swapped:
    root = world.settings.models_dir
    other = train_small(world.home / "telco.csv", root, seed=2)
    world.serve()
    return asyncio.run(_swap(world, times, other.parent.name))


async def _swap(world: World, times: int, name: str) -> Swapped:
    await lay_subscribers(world)
    seen, expected, done = Swapped(), dict[str, float](), asyncio.Event()
    async with Caller(world.port, world.key, patience=60) as caller:
        versions = [model["version"] for model in (await caller.ask("GET", "/v1/models")).json()["items"]]
        for version in versions * 2:  # warm: both have been loaded and let go
            expected[version] = await _activated(caller, name, version)
        before = world.memory()
        scoring = [asyncio.create_task(_score(world, seen, expected, done)) for _ in range(CALLERS)]
        for number in range(times):
            tell(f"swap {number + 1} of {times}")
            await _activated(caller, name, versions[number % len(versions)])
        done.set()
        await asyncio.gather(*scoring)
        seen.growth = (world.memory() - before) / times
    return seen


async def _activated(caller: Caller, name: str, version: str) -> float:
    """Make a version active, wait until it is taken up, and return its score of the one we ask for."""
    answer = await caller.ask("POST", f"/v1/models/{name}/versions/{version}/activate")
    assert answer.status == 200, answer.content
    while True:
        scored: Any = (await caller.ask(*asked.score(0))).json()
        if scored["model"]["version"] == version:
            return float(scored["probability"])
        await asyncio.sleep(0.02)


async def _score(world: World, seen: Swapped, expected: dict[str, float], done: asyncio.Event) -> None:
    async with Caller(world.port, world.key) as caller:
        while not done.is_set():
            try:
                answer = await caller.ask(*asked.score(0))
            except Unanswered:
                seen.failed += 1
                continue
            if answer.status != 200:
                seen.failed += 1
                continue
            scored: Any = answer.json()
            version = scored["model"]["version"]
            seen.scores[version] += 1
            seen.mixed += scored["probability"] != expected[version]
            await asyncio.sleep(0.01)
