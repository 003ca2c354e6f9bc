"""The schema goes one version up and down again under load, while the code of both versions serves."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from app.models import SCHEMA_REVISION
from tests.service import free_port
from tests.weather import asked
from tests.weather.ledger import lay_subscribers
from tests.weather.load import Load, joined, offer
from tests.weather.progress import tell
from tests.weather.promises import Row, at_least, at_most, none_of
from tests.weather.variants import Change, variant
from tests.weather.world import World, world

NEXT: Final = f"{int(SCHEMA_REVISION) + 1:04}"
RATE: Final = 15
# What the next version may do to a table that is written all the time.
MIGRATION: Final = f"""
import sqlalchemy as sa
from alembic import op

revision = "{NEXT}"
down_revision = "{SCHEMA_REVISION}"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.add_column("interactions", sa.Column("weather", sa.String(16)))
    op.create_table("forecasts", sa.Column("id", sa.BigInteger(), primary_key=True))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.drop_table("forecasts")
    op.drop_column("interactions", "weather")
"""
CHANGES: Final[tuple[Change, ...]] = (
    ("app/models/__init__.py", f'SCHEMA_REVISION = "{SCHEMA_REVISION}"', f'SCHEMA_REVISION = "{NEXT}"'),
    (
        "app/models/interactions.py",
        "    agent_id: Mapped[str | None]",
        "    weather: Mapped[str | None] = mapped_column(String(16))\n    agent_id: Mapped[str | None]",
    ),
)
_DOWN: Final = """
import os
from alembic import command
from alembic.config import Config
command.downgrade(Config(toml_file="pyproject.toml"), "-1")
"""


def measure() -> Iterator[Row]:
    with variant(CHANGES) as code, world() as spoiled:
        add_migration(code)
        now, then, longest = asyncio.run(migrate(spoiled, code))
    yield at_least("requests while the schema goes up and down", len(now.answers) + len(then.answers), 500)
    yield none_of("of this version, answered otherwise than 201", len(now.answers) - now.statuses[201])
    yield none_of("of the next version, answered otherwise than 201", len(then.answers) - then.statuses[201])
    yield at_most("longest wait of a write meanwhile", max(now.seconds(201)), 2, " s")
    yield at_most("longest migration, the command's own start included", longest, 10, " s")


def add_migration(code: Path) -> None:
    (code / "migrations" / "versions" / "20990101_next.py").write_text(MIGRATION)


async def migrate(world: World, code: Path, rounds: int = 3, seconds: float = 4.0) -> tuple[Load, Load, float]:
    """Serve this version; migrate up; serve the next one beside it; end that, migrate down; all the while write."""
    other = replace(world, code=code, port=free_port(), _running={})
    await asyncio.to_thread(world.serve)
    await lay_subscribers(world)
    now, then, taken = [], [], []
    try:
        for _ in range(rounds):
            tell("up")
            before = asyncio.create_task(_write(world, seconds))
            await asyncio.sleep(seconds / 4)
            taken.append(await _timed(_up, other))
            now.append(await before)
            await asyncio.to_thread(other.serve)
            tell("both")
            both = await asyncio.gather(_write(world, seconds), _write(other, seconds))
            now.append(both[0])
            then.append(both[1])
            await asyncio.to_thread(other.stop)
            tell("down")
            after = asyncio.create_task(_write(world, seconds))
            await asyncio.sleep(seconds / 4)
            taken.append(await _timed(_down, other))
            now.append(await after)
    finally:
        other.end()
    return joined(now), joined(then), max(taken)


async def _write(world: World, seconds: float) -> Load:
    return await offer(world.port, world.key, asked.contact, rate=RATE, seconds=seconds)


async def _timed(work: Callable[[World], None], other: World) -> float:
    began = time.monotonic()
    await asyncio.to_thread(work, other)
    return time.monotonic() - began


def _up(other: World) -> None:
    other.command("migrate", DATABASE_URL=other.database_url)


def _down(other: World) -> None:
    subprocess.run(
        [sys.executable, "-c", _DOWN],
        cwd=other.code,
        env=other.environment(DATABASE_URL=other.database_url),
        check=True,
        capture_output=True,
    )
