"""What callers counted is what the metrics say, however many processes answer."""

import asyncio
import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

from tests.weather import asked
from tests.weather.caller import Caller
from tests.weather.ledger import lay_subscribers
from tests.weather.load import Asked
from tests.weather.promises import Row, at_most
from tests.weather.world import World, world

REQUESTS: Final = 3_000
CALLERS: Final = 16
_LINE: Final = re.compile(r"stayline_http_requests_total\{(?P<labels>.*)\} (?P<times>\S+)")
_STATUS: Final = re.compile(r'status="(\d+)"')


def measure() -> Iterator[Row]:
    for workers in (1, 2):
        with world() as spoiled:
            spoiled.serve(workers)
            told, shown = asyncio.run(count(spoiled, REQUESTS))
        off = max(abs(told[status] - shown[status]) / told[status] for status in told)
        what = ", ".join(f"{times} × {status}" for status, times in sorted(told.items()))
        yield at_most(f"{workers} process(es), {what}: metrics off by", round(100 * off, 3), 0.1, " %")


async def count(world: World, requests: int) -> tuple[Counter[int], Counter[int]]:
    """Return what callers counted, and how far the metrics rose meanwhile, by status."""
    await lay_subscribers(world)
    before = await _shown(world)
    waiting, told = iter(range(requests)), Counter[int]()

    async def call() -> None:
        for number in waiting:  # over a connection of its own, so that each process gets its share
            async with Caller(world.port, world.key if number % 7 else "nobody") as caller:
                told[(await caller.ask(*_mixed(number))).status] += 1

    await asyncio.gather(*(call() for _ in range(CALLERS)))
    shown = await _shown(world) - before
    shown[200] -= 1  # the first of the two looks
    return told, shown


def _mixed(number: int) -> Asked:
    match number % 5:
        case 0:
            return "POST", "/v1/scores", {"features": {"contract": 1}}
        case 1:
            return "GET", "/v1/subscribers/nobody", None
        case 2:
            return "GET", f"/v1/subscribers/weather-{number % 10}", None
        case 3:
            return asked.contact(number)
    return asked.score(number)


async def _shown(world: World) -> Counter[int]:
    async with Caller(world.port, world.key) as caller:
        text = (await caller.ask("GET", "/metrics")).content.decode()
    found: Counter[int] = Counter()
    for line in map(_LINE.match, text.splitlines()):
        if line and (status := _STATUS.search(line["labels"])):
            found[int(status[1])] += int(float(line["times"]))
    return found
