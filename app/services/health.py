"""Whether the store answers, and has the schema this code needs."""

from dataclasses import dataclass
from typing import Final, Literal

from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from app.db import OutOfTime, Sessions, StoreUnavailable, transaction, within
from app.domain.jobs import Work
from app.models import SCHEMA_REVISION
from app.services.scoring_runs import silent_work

StoreState = Literal["ok", "down", "old_schema"]
PATIENCE_SECONDS: Final = 0.5
# Without any of these PostgreSQL confirms a commit that a crash of it, or of its machine, may take back.
DURABLE: Final = ("fsync", "full_page_writes", "synchronous_commit")
WORK: Final = {None: Work.IDLE, False: Work.WORKING, True: Work.STALLED}
_SETTINGS: Final = text(f"SELECT {', '.join(f'current_setting({name!r})' for name in DURABLE)}")


@dataclass(frozen=True, slots=True)
class Store:
    """Its state, which settings put at risk what it confirms (None while nobody can tell), and how its work goes."""

    state: StoreState
    risks: tuple[str, ...] | None
    work: Work = Work.UNKNOWN


async def probe_store(sessions: Sessions) -> Store:
    """Answer a probe: a store silent for half a second is down."""
    try:
        async with within(PATIENCE_SECONDS):
            return await look_at_store(sessions)
    except OutOfTime:
        return Store("down", None)


async def look_at_store(sessions: Sessions) -> Store:
    """Ask the store, with all the patience its settings allow."""
    risks: tuple[str, ...] | None = None
    try:
        async with transaction(sessions) as session:
            given = (await session.execute(_SETTINGS)).one()
            risks = tuple(name for name, value in zip(DURABLE, given, strict=True) if value == "off")
            revision = select(text("version_num")).select_from(text("alembic_version")).scalar_subquery()
            schema, is_silent = (await session.execute(select(revision, silent_work()))).one()
            if not schema or schema < SCHEMA_REVISION:
                return Store("old_schema", risks)
            return Store("ok", risks, WORK[is_silent])
    except StoreUnavailable:
        return Store("down", None)
    except DBAPIError:  # a table is not there: the database was never migrated
        return Store("old_schema", risks)
