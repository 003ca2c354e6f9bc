"""The store's schema: brought up to date, with the shipped catalogues in it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, pool, text
from sqlalchemy.exc import OperationalError

from app.db import Sessions, StoreUnavailable, lock_number, sync_url, transaction
from app.services import catalogue

LOCK_NOT_AVAILABLE: Final = "55P03"
CONNECT_SECONDS: Final = 5
PROJECT: Final = Path(__file__).resolve().parents[2]


def upgrade(database_url: str) -> None:
    """Apply the missing migrations; of several that are started at once, the others wait and find nothing to do."""
    config = Config(toml_file=PROJECT / "pyproject.toml")
    try:
        with _engine(database_url).begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": lock_number("migrate")})
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) == LOCK_NOT_AVAILABLE:
            raise StoreUnavailable("a table is in use right now; try again shortly") from error
        raise StoreUnavailable("the database cannot be reached; check DATABASE_URL") from error


def _engine(database_url: str) -> Engine:
    patience = {"connect_timeout": CONNECT_SECONDS}
    return create_engine(sync_url(database_url), poolclass=pool.NullPool, connect_args=patience)


async def fill_catalogues(sessions: Sessions) -> int:
    async with transaction(sessions) as session:
        return await catalogue.add_missing(session, datetime.now(UTC))
