"""`make weather-mutants`: faults sown into the code on purpose, each of which the weather must find. Exit 1 if not.

The same short storms over the code as it is find nothing: that is the first row.
"""

import asyncio
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from tests.weather.exactly_once import weather
from tests.weather.faults import kill_postgres, kill_service
from tests.weather.ledger import lay_subscribers
from tests.weather.overload import overload, rows
from tests.weather.sown import Tried, report
from tests.weather.variants import Change, variant
from tests.weather.world import World, world

OVERLOAD_SECONDS: Final = 10.0


LAST_LINES: Final = """
        async with sessions.begin() as session:
            if reach.is_bounded:
                session.info["reach"] = reach
            yield session
"""
LATE_COMMIT: Final = """
        session = sessions()
        await session.begin()
        yield session
        asyncio.get_running_loop().call_later(0.1, lambda: asyncio.ensure_future(session.commit()))
"""


class Mutant(NamedTuple):
    name: str
    changes: Sequence[Change]
    find: Callable[[World], str]


def ledger(world: World) -> str:
    """What the ledger has against it; nothing if it is clean."""
    kinds = (kill_postgres, kill_service)
    seen = weather(world, faults=6, writes=400, kinds=kinds, workers=1, calm=1.0)
    found = seen.findings
    told = {"lost": found.lost, "twice": found.duplicated, "answered otherwise": found.diverged}
    return ", ".join(f"{times} {what}" for what, times in told.items() if times)


def crowd(world: World) -> str:
    """Which promises of overload it breaks, but for how much is answered: that depends on the machine, too."""
    _, *others = rows(overload(world, seconds=OVERLOAD_SECONDS))
    return "; ".join(f"{row.promise}: {row.measured}" for row in others if not row.kept)


MUTANTS: Final = (
    Mutant("none: the code as it is, in faults", (), ledger),
    Mutant("none: the code as it is, in a crowd", (), crowd),
    Mutant(
        "late commit: the answer is given first",
        (
            (
                "app/db.py",
                LAST_LINES,
                LATE_COMMIT,
            ),
        ),
        ledger,
    ),
    Mutant(
        "asynchronous commit",
        (
            (
                "app/db.py",
                '        "application_name": "stayline",\n',
                '        "application_name": "stayline",\n        "synchronous_commit": "off",\n',
            ),
        ),
        ledger,
    ),
    Mutant(
        "no unique key: whatever is sent again is done again",
        (("app/routers/unit_of_work.py", "    if idempotency_key is None:\n", "    if True:\n"),),
        ledger,
    ),
    Mutant(
        "unbounded queue: everybody is let in",
        (("app/admission.py", "        return self.inside >= self.most\n", "        return False\n"),),
        crowd,
    ),
)


def tried() -> Iterator[Tried]:
    for mutant in MUTANTS:
        with variant(mutant.changes) as code, world() as spoiled:
            spoiled.serve()  # as it is: the fault shall meet a world like any other
            asyncio.run(lay_subscribers(spoiled))
            spoiled.stop()
            spoiled.code = code
            yield mutant.name, bool(mutant.changes), mutant.find(spoiled)


if __name__ == "__main__":
    sys.exit(report("mutant", tried()))
