"""Whether the store answers, and has the schema this code needs."""

from typing import Literal

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.db import Sessions, StoreUnavailable, transaction
from app.models import SCHEMA_REVISION

StoreState = Literal["ok", "down", "old_schema"]


async def store_state(sessions: Sessions) -> StoreState:
    try:
        async with transaction(sessions) as session:
            revision = await session.scalar(text("SELECT version_num FROM alembic_version"))
    except StoreUnavailable:
        return "down"
    except DBAPIError:  # the table is not there: the database was never migrated
        return "old_schema"
    return "ok" if revision and revision >= SCHEMA_REVISION else "old_schema"
