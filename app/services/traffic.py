"""Keeping the counts of what was scored: each worker process writes its own, in the background of its requests."""

from contextlib import AbstractAsyncContextManager
from datetime import UTC, date, datetime, timedelta
from typing import Final

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert

from app.db import Sessions, transaction
from app.ml.traffic import Traffic
from app.models import ScoreTraffic
from app.services.saving import saving as saved_meanwhile

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


def saving(sessions: Sessions, traffic: Traffic) -> AbstractAsyncContextManager[None]:
    """Save every few seconds while inside, and once more at the end."""
    return saved_meanwhile("traffic", SECONDS_BETWEEN_SAVES, lambda: save(sessions, traffic, datetime.now(UTC)))
