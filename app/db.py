"""The store: engine, sessions, deadlines, and `transaction()`, the only place in the product that commits."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any, Final

import asyncpg
from sqlalchemy import URL, event, func, make_url, select, text
from sqlalchemy.exc import DBAPIError, DisconnectionError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from app.errors import Invalid, Unavailable
from app.settings import Settings

Sessions = async_sessionmaker[AsyncSession]

# PostgreSQL error classes that mean "not now" rather than "never": connection, resources, operator intervention,
# system, rollback; then lock_timeout, read-only, idle-in-transaction, a plan older than a migration, and a row that was
# erased between our reading and our referring to it, by their own codes (PostgreSQL appendix A).
OUTAGE_CLASSES: Final = ("08", "53", "57", "58", "40")
OUTAGE_CODES: Final = ("55P03", "25006", "25P03", "0A000", "23503")
DATA_CLASS: Final = "22"
OUTRUN_CODE: Final = "SLF01"  # our own, raised where the ledger is kept


# The driver's connections that are in use on behalf of the current deadline.
_in_use: ContextVar[set[asyncpg.Connection] | None] = ContextVar("in_use", default=None)


class StoreUnavailable(Unavailable):
    """The store cannot be reached right now."""


class OutOfTime(Unavailable):
    """The answer would have taken too long."""


class Outrun(Exception):
    """What was read does not hold at the commit any more, since somebody else was faster: it is to be done again."""


class ValueDoesNotFit(Invalid):
    """A value does not fit where it is stored."""


def async_url(database_url: str) -> URL:
    """Give the address the form the service's driver takes (asyncpg)."""
    url = make_url(database_url).set(drivername="postgresql+asyncpg")
    query = dict(url.query)
    if "sslmode" in query:  # libpq's word for it; asyncpg takes the same values under its own
        query["ssl"] = query.pop("sslmode")
    return url.set(query=query)


def sync_url(database_url: str) -> URL:
    """Give the address the form migrations take (psycopg)."""
    return make_url(database_url).set(drivername="postgresql+psycopg")


def libpq_url(database_url: str) -> str:
    """Give the address the form PostgreSQL's own tools and drivers take."""
    return make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)


def create_engine(settings: Settings) -> AsyncEngine:
    engine = create_async_engine(
        async_url(settings.database_url.get_secret_value()),
        pool_size=settings.pool_size,
        max_overflow=0,
        pool_timeout=settings.store_timeout_seconds,
        hide_parameters=True,  # an error's text must not carry what a subscriber told us
        connect_args={
            "timeout": settings.store_timeout_seconds,
            # The driver gives up a little after the server does, so that the server's clearer error wins.
            "command_timeout": settings.statement_timeout_seconds + 1,
            "server_settings": server_settings(settings),
        },
    )
    event.listen(engine.sync_engine, "checkout", _take_out)
    event.listen(engine.sync_engine, "checkin", _put_back)
    return engine


def server_settings(settings: Settings) -> dict[str, str]:
    statement_ms = round(settings.statement_timeout_seconds * 1000)
    return {
        "application_name": "stayline",
        "statement_timeout": str(statement_ms),
        "lock_timeout": str(statement_ms),
        "idle_in_transaction_session_timeout": str(statement_ms * 2),
        "timezone": "UTC",
    }


def _take_out(connection: Any, *_: Any) -> None:
    """Note a connection with its deadline; have the pool open another for one that the store closed, by a restart.

    The driver has heard of it by then. Asking the store instead (pool_pre_ping) takes three round trips a request, and
    of a store that has gone silent it learns no sooner than the question itself does.
    """
    if connection.driver_connection.is_closed():
        raise DisconnectionError
    in_use = _in_use.get()
    if in_use is not None:
        in_use.add(connection.driver_connection)


def _put_back(connection: Any, *_: Any) -> None:
    in_use = _in_use.get()
    if in_use and connection is not None:
        in_use.discard(connection.driver_connection)


@asynccontextmanager
async def within(seconds: float) -> AsyncIterator[None]:
    """Give the block so long, cleaning up included; raises OutOfTime.

    A cancelled question alone would not do: its connection waits for the store to confirm, which a silent one never
    does. So what is in use is closed first, and then there is nothing left to wait for.
    """
    in_use: set[asyncpg.Connection] = set()
    before = _in_use.set(in_use)
    loop = asyncio.get_running_loop()
    late = loop.time() + seconds
    closing = loop.call_at(late, _close_all, in_use)
    try:
        async with asyncio.timeout_at(late):
            yield
    except (TimeoutError, StoreUnavailable) as error:
        if loop.time() < late:
            raise
        raise OutOfTime("the answer would have taken too long; try again shortly") from error
    finally:
        closing.cancel()
        _in_use.reset(before)


def _close_all(connections: set[asyncpg.Connection]) -> None:
    for connection in connections:
        connection.terminate()


def create_sessions(engine: AsyncEngine) -> Sessions:
    return async_sessionmaker(engine, expire_on_commit=False)


def create_readers(engine: AsyncEngine) -> Sessions:
    """Sessions that only read: without BEGIN and COMMIT a question is one round trip instead of three."""
    return create_sessions(engine.execution_options(isolation_level="AUTOCOMMIT"))


@asynccontextmanager
async def transaction(sessions: Sessions) -> AsyncIterator[AsyncSession]:
    """Open a session, commit when the block ends, roll back when it raises.

    Raises StoreUnavailable when the store is away, ValueDoesNotFit for a value the edge should have refused, and Outrun
    when it has to be done again.
    """
    try:
        async with sessions.begin() as session:
            yield session
    except (SQLAlchemyError, OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        if is_outage(error):
            raise StoreUnavailable("the store cannot be reached right now; try again shortly") from error
        if _sqlstate(error) == OUTRUN_CODE:
            raise Outrun from error
        if _sqlstate(error).startswith(DATA_CLASS):
            raise ValueDoesNotFit("a value does not fit where it is stored") from error
        raise


async def at_leisure(session: AsyncSession) -> None:
    """Let this transaction take as long as it needs: it reads all there is."""
    await session.execute(text("SET LOCAL statement_timeout = 0"))
    await session.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))


async def lock(session: AsyncSession, *names: str) -> None:
    """Wait until nobody else holds the lock of these names, and hold it until the transaction ends."""
    await session.execute(select(func.pg_advisory_xact_lock(lock_number(*names))))


async def driver(session: AsyncSession) -> asyncpg.Connection:
    """Return the session's connection as its driver has it, for the hottest questions: they cost a fifth there.

    The session must have asked something before: that is what begins its transaction on the driver's side.
    """
    connection = await (await session.connection()).get_raw_connection()
    return connection.driver_connection


async def copy(session: AsyncSession, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add many rows of the same columns by COPY, in the session's transaction: several times faster than INSERT.

    As with `driver`, the session must have asked something before.
    """
    if rows:
        columns = tuple(rows[0])
        await (await driver(session)).copy_records_to_table(
            table, records=[tuple(row.values()) for row in rows], columns=columns
        )


def lock_number(*names: str) -> int:
    """Turn names into PostgreSQL's signed 64-bit lock number: a collision only makes somebody wait for nothing."""
    return int.from_bytes(hashlib.sha256("\0".join(names).encode()).digest()[:8], signed=True)


def is_outage(error: BaseException) -> bool:
    """Tell whether `error` means that the store is away, busy or broken, not that the statement is wrong."""
    if isinstance(error, PoolTimeout | OSError | TimeoutError | asyncpg.InterfaceError | asyncpg.InternalClientError):
        return True
    state = _sqlstate(error)
    if state:
        return state.startswith(OUTAGE_CLASSES) or state in OUTAGE_CODES
    return isinstance(error, DBAPIError) and (error.connection_invalidated or _has_driver_cause(error))


def _sqlstate(error: BaseException) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else error
    return str(getattr(cause, "sqlstate", None) or "")


def _has_driver_cause(error: DBAPIError) -> bool:
    cause = error.orig.__cause__ if error.orig else None
    return cause is not None and is_outage(cause)
