"""Keeping the counts of what was scored: each worker process writes its own, in the background of its requests."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from typing import Final

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert

from app.db import Sessions, transaction
from app.ml.traffic import Traffic
from app.models import ScoreTraffic
from app.observability import tell

SECONDS_BETWEEN_SAVES: Final = 10
KEPT_DAYS: Final = 35


def first_day(at: datetime, days: int) -> date:
    """Return the first day (UTC) of the last `days` whole days; today so far comes on top."""
    return at.date() - timedelta(days=days)


async def save(sessions: Sessions, traffic: Traffic, at: datetime) -> None:
    """Write this worker's counts that have changed, and forget what is too old, here and in the store.

    Raises StoreUnavailable, and then has lost nothing: the counts stay where they are.
    """
    oldest = first_day(at, KEPT_DAYS)
    traffic.forget(oldest)
    unsaved = traffic.unsaved()
    if not unsaved:
        return
    rows = {key: tally.rows for key, tally in unsaved.items()}
    values = [
        {**key._asdict(), "worker_id": traffic.worker_id, "counts": tally.counts.tolist()}
        for key, tally in unsaved.items()
    ]
    statement = insert(ScoreTraffic).values(values)
    mine = ["name", "version", "day", "worker_id"]
    async with transaction(sessions) as session:
        await session.execute(
            statement.on_conflict_do_update(index_elements=mine, set_={"counts": statement.excluded.counts})
        )
        await session.execute(delete(ScoreTraffic).where(ScoreTraffic.day < oldest))
    for key, tally in unsaved.items():
        tally.saved_rows = rows[key]


@asynccontextmanager
async def saving(sessions: Sessions, traffic: Traffic) -> AsyncIterator[None]:
    """Save every few seconds while inside, and once more at the end."""
    ending = asyncio.Event()
    task = asyncio.create_task(_save_until(ending, sessions, traffic))
    try:
        yield
    finally:
        ending.set()
        await task


async def _save_until(ending: asyncio.Event, sessions: Sessions, traffic: Traffic) -> None:
    is_last = False
    while not is_last:
        with suppress(TimeoutError):
            await asyncio.wait_for(ending.wait(), SECONDS_BETWEEN_SAVES)
        is_last = ending.is_set()  # asked before the save: what is counted during one needs another
        try:
            await save(sessions, traffic, datetime.now(UTC))
        except Exception as error:  # noqa: BLE001  # whatever ails the store, counting goes on and the next turn tries again
            tell("traffic_not_saved", level=logging.WARNING, error=type(error).__qualname__)
