"""A backup taken while writers write, restored elsewhere: the ledger and the audit agree with it."""

import subprocess
from collections.abc import Iterator

from app.embedded.postgres import ensure_database, program
from tests.weather.exactly_once import weather
from tests.weather.faults import kill_postgres
from tests.weather.ledger import compare
from tests.weather.promises import Row, none_of
from tests.weather.world import World, world

RESTORED = "restored"


def measure() -> Iterator[Row]:
    with world() as spoiled:
        seen = weather(spoiled, faults=1, writes=1_000, kinds=(kill_postgres,))
        before = audit(spoiled, spoiled.database_url)
        address = restore(spoiled)
        there = compare(spoiled.reading(RESTORED), seen.ledger)
        after = audit(spoiled, address)
    yield none_of(f"of {seen.ledger.acknowledged:,} acknowledged writes, not in the restored store", there.lost)
    yield none_of("twice in the restored store", there.duplicated)
    yield Row("the audit says of the restored store", before, after, kept=before == after)


def restore(world: World) -> str:
    """Dump the store and restore it into another database; returns its address."""
    dump = world.home / "store.dump"
    _run("pg_dump", "--format=custom", f"--file={dump}", f"--dbname={world.database_url}")
    ensure_database(world.server, RESTORED)
    _run("pg_restore", "--exit-on-error", f"--dbname={world.server.url(RESTORED)}", str(dump))
    return world.server.url(RESTORED)


def audit(world: World, database_url: str) -> str:
    ran = world.command("audit", "verify", DATABASE_URL=database_url)
    return ran.stdout.strip().splitlines()[-1]


def _run(name: str, *arguments: str) -> None:
    subprocess.run([str(program(name)), *arguments], check=True)
