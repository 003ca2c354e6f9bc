"""Whether the store answers, and has the schema this code needs."""

import asyncio
from typing import Final, Literal

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.db import Sessions, StoreUnavailable, transaction
from app.models import SCHEMA_REVISION

StoreState = Literal["ok", "down", "old_schema"]
PATIENCE_SECONDS: Final = 0.5


async def probe_store(sessions: Sessions) -> StoreState:
    """Answer a probe: a store silent for half a second is down, whatever its connection is still waiting for."""
    asking = asyncio.create_task(store_state(sessions))
    try:
        return await asyncio.wait_for(asyncio.shield(asking), PATIENCE_SECONDS)
    except TimeoutError:
        return "down"


async def store_state(sessions: Sessions) -> StoreState:
    """Ask the store, with all the patience its settings allow."""
    try:
        async with transaction(sessions) as session:
            revision = await session.scalar(text("SELECT version_num FROM alembic_version"))
    except StoreUnavailable:
        return "down"
    except DBAPIError:  # the table is not there: the database was never migrated
        return "old_schema"
    return "ok" if revision and revision >= SCHEMA_REVISION else "old_schema"
