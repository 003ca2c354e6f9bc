"""The worker: what has to be done by the clock, by one of however many workers there are."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import Sessions, lock_number
from app.observability import tell
from app.services import chain, ledger, retention, scoring_runs, warnings
from app.services.scoring_runs import Scoring
from app.settings import Settings
from app.vault import Vault

LOCK: Final = lock_number("worker")
LOOK_SECONDS: Final = 5.0
RARE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Ground:
    """What jobs work on."""

    settings: Settings
    sessions: Sessions
    vault: Vault


class Job(NamedTuple):
    """Something done again and again; it tells how many rows of what it touched, and may be stopped anywhere.

    However long one takes, the others have their turn.
    """

    name: str
    every: timedelta
    run: Callable[[Ground, datetime], Awaitable[Mapping[str, int]]]


async def _link(ground: Ground) -> Mapping[str, int]:
    return {
        "decisions": await chain.extend(chain.DECISIONS, ground.sessions, ground.vault),
        "accesses": await chain.extend(chain.ACCESSES, ground.sessions, ground.vault),
    }


async def _measure(ground: Ground) -> Mapping[str, int]:
    return {"subscribers": await ledger.measure_base(ground.sessions, ground.settings)}


async def _score(ground: Ground) -> Mapping[str, int]:
    return await scoring_runs.work(Scoring(ground.sessions, ground.settings, ground.vault, lambda: datetime.now(UTC)))


async def _purge(ground: Ground, at: datetime) -> Mapping[str, int]:
    return await retention.purge(ground.sessions, ground.settings, at) | await retention.purge_scores(ground.sessions)


SCHEDULE: Final = (
    Job(
        "complete_profiles",
        timedelta(days=1),
        lambda ground, _: retention.complete_profiles(ground.sessions, ground.vault),
    ),
    Job("link", timedelta(minutes=1), lambda ground, _: _link(ground)),
    Job("measure_revenue", timedelta(days=1), lambda ground, _: _measure(ground)),
    Job("purge", timedelta(hours=1), _purge),
    Job("score", timedelta(seconds=2), lambda ground, _: _score(ground)),
    Job("watch_groups", timedelta(hours=1), lambda ground, at: warnings.watch(ground.sessions, ground.settings, at)),
)


async def run_once(ground: Ground) -> dict[str, Mapping[str, int]]:
    """Run each job once, and return what each tells."""
    return {job.name: await job.run(ground, datetime.now(UTC)) for job in SCHEDULE}


async def run(ground: Ground) -> None:
    """Work by the schedule until cancelled. While another worker does, or the store is away, wait."""
    while True:
        try:
            async with _sole_worker(ground.sessions) as connection, asyncio.TaskGroup() as tasks:
                tasks.create_task(_hold(connection))
                for job in SCHEDULE:
                    tasks.create_task(_keep_doing(ground, job))
        except* (SQLAlchemyError, OSError, TimeoutError) as errors:
            tell("worker_waits_for_store", level=logging.WARNING, error=type(errors.exceptions[0]).__qualname__)
            await asyncio.sleep(LOOK_SECONDS)


@asynccontextmanager
async def _sole_worker(sessions: Sessions) -> AsyncIterator[AsyncConnection]:
    """Wait until no other worker holds the lock, and hold it: it falls with the connection, however that ends."""
    async with sessions() as session:
        connection = await session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
        waits = False
        while not await connection.scalar(select(func.pg_try_advisory_lock(LOCK))):
            if not waits:
                tell("worker_waits_for_another")
            waits = True
            await asyncio.sleep(LOOK_SECONDS)
        tell("worker_works", jobs=[job.name for job in SCHEDULE])
        try:
            yield connection
        finally:
            with suppress(SQLAlchemyError, OSError, TimeoutError):
                await connection.execute(select(func.pg_advisory_unlock(LOCK)))


async def _hold(connection: AsyncConnection) -> None:
    """Raise once the connection is gone, and the lock with it."""
    while True:
        await connection.scalar(select(1))
        await asyncio.sleep(LOOK_SECONDS)


async def _keep_doing(ground: Ground, job: Job) -> None:
    while True:
        await _do(ground, job)
        await asyncio.sleep(job.every.total_seconds())


async def _do(ground: Ground, job: Job) -> None:
    """Run a job and tell of it in one line; one that fails is tried again at its next time.

    Of one that looks every few seconds whether there is anything to do, only what it did is told.
    """
    begun = time.monotonic()
    try:
        counts = await job.run(ground, datetime.now(UTC))
    except Exception as error:  # noqa: BLE001  # whatever ails one job, the others go on
        tell("job_failed", level=logging.ERROR, job=job.name, error=type(error).__qualname__)
        return
    if any(counts.values()) or job.every >= RARE:
        tell("job_done", job=job.name, seconds=round(time.monotonic() - begun, 3), rows=dict(counts))
