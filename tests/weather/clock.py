"""The service's clock jumps two hours on and back while writers write."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.weather.caller import Caller
from tests.weather.ledger import Findings, Ledger, Writers, compare, lay_subscribers
from tests.weather.progress import tell
from tests.weather.promises import Row, at_least, none_of
from tests.weather.world import World, world

LIBRARIES: Final = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/local/lib/faketime/libfaketimeMT.so.1")
JUMPS: Final = (2, 0, -2, 0, 2, -2)  # hours
BETWEEN: Final = 5.0
WRITERS: Final = 8
LONG_AGO: Final = 24.0  # hours: what happened then lies in nobody's future


def measure() -> Iterator[Row]:
    library = find_library()
    if library is None:
        yield Row("clock jumps", "needs libfaketime", "not measured", kept=False)
        return
    with world() as spoiled:
        ledger, findings, negative = jump(spoiled, library)
    yield at_least(f"writes while the clock jumps {len(JUMPS)} times", ledger.acknowledged, 500)
    yield none_of("clock jumps: answers other than 201", ledger.statuses.total() - ledger.statuses[201])
    yield none_of("clock jumps: lost", findings.lost)
    yield none_of("clock jumps: twice", findings.duplicated)
    yield none_of("clock jumps: answered otherwise the second time", findings.diverged)
    yield none_of("clock jumps: times below 0 in the metrics", negative)


def find_library() -> Path | None:
    found = (path for pattern in LIBRARIES for path in Path("/").glob(pattern.lstrip("/")))
    return next(found, None)


def jump(world: World, library: Path, between: float = BETWEEN) -> tuple[Ledger, Findings, int]:
    clock = world.home / "clock"
    _set(clock, 0)
    world.serve(
        LD_PRELOAD=str(library),
        FAKETIME_TIMESTAMP_FILE=str(clock),
        FAKETIME_NO_CACHE="1",
        FAKETIME_DONT_FAKE_MONOTONIC="1",
    )
    return asyncio.run(_jump(world, clock, between))


async def _jump(world: World, clock: Path, between: float) -> tuple[Ledger, Findings, int]:
    await lay_subscribers(world)
    ledger = Ledger()
    writers = Writers(world, ledger, hours_ago=LONG_AGO, mix=("interactions",))
    writing = [asyncio.create_task(writers.write()) for _ in range(WRITERS)]
    for hours in JUMPS:
        tell(f"clock {hours:+} h")
        _set(clock, hours)
        await asyncio.sleep(between)
    writers.stop.set()
    await asyncio.gather(*writing)
    async with Caller(world.port, world.key) as caller:
        shown = (await caller.ask("GET", "/metrics")).content.decode()
    sums = (line for line in shown.splitlines() if "seconds_sum" in line and not line.startswith("#"))
    return ledger, compare(world, ledger), sum(float(line.rsplit(" ", 1)[1]) < 0 for line in sums)


def _set(clock: Path, hours: int) -> None:
    draft = clock.with_suffix(".new")
    draft.write_text(f"{hours:+}h")
    draft.replace(clock)
