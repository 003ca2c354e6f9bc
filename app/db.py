"""The store: engine, sessions, deadlines, and `transaction()`, the only place in the product that commits."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from functools import cache
from itertools import count
from typing import Any, Final

import asyncpg
from sqlalchemy import URL, Connection, event, func, make_url, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError, DisconnectionError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Session

from app.errors import Forbidden, Invalid, Unavailable
from app.reach import BOUNDED_ROLE, EVERYBODY, SERVICE_ROLE, Reach
from app.settings import Settings

Sessions = async_sessionmaker[AsyncSession]

# PostgreSQL error classes that mean "not now" rather than "never": connection, resources, operator intervention,
# system, rollback; then lock_timeout, read-only, idle-in-transaction, a plan older than a migration, and a row that was
# erased between our reading and our referring to it, by their own codes (PostgreSQL appendix A).
OUTAGE_CLASSES: Final = ("08", "53", "57", "58", "40")
OUTAGE_CODES: Final = ("55P03", "25006", "25P03", "0A000", "23503")
DATA_CLASS: Final = "22"
WAITING_SHARE: Final = 0.75
REFUSED_CODE: Final = "42501"
OUTRUN_CODE: Final = "SLF01"  # our own, raised where the ledger is kept


# Whoever logs in, what serves is no owner of anything. A store from before there was the role says so by its schema.
TAKE_ROLE: Final = (
    f"SELECT set_config('role', rolname, false) FROM pg_roles "  # noqa: S608  # only our own words
    f"WHERE rolname = '{SERVICE_ROLE}' AND pg_has_role(session_user, oid, 'MEMBER')"
)
BOUND: Final = f"""
    SELECT set_config('role', '{BOUNDED_ROLE}', true),
           set_config('stayline.regions', $1, true), set_config('stayline.subscriber', $2, true)
"""
_BOUND: Final = text(BOUND.replace("$1", ":regions").replace("$2", ":subscriber"))

# The driver's connections that are in use on behalf of the current deadline.
_in_use: ContextVar[set[asyncpg.Connection] | None] = ContextVar("in_use", default=None)


class StoreUnavailable(Unavailable):
    """The store cannot be reached right now."""


class OutOfTime(Unavailable):
    """The answer would have taken too long."""


class OutOfReach(Forbidden):
    """The key reaches some subscribers only, and this is beyond them."""


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
        pool_timeout=waiting_seconds(settings),
        hide_parameters=True,  # an error's text must not carry what a subscriber told us
        connect_args={
            "timeout": settings.store_timeout_seconds,
            # The driver gives up a little after the server does, so that the server's clearer error wins.
            "command_timeout": settings.statement_timeout_seconds + 1,
            "server_settings": server_settings(settings),
        },
    )
    event.listen(engine.sync_engine, "connect", _take_role)
    event.listen(engine.sync_engine, "checkout", _take_out)
    event.listen(engine.sync_engine, "checkin", _put_back)
    return engine


def waiting_seconds(settings: Settings) -> float:
    """How long to wait for a connection that is free.

    Who gets one later than that has no time left to use it: it would be cut short, its connection with it, and the next
    in line would wait for a new one.
    """
    return min(settings.store_timeout_seconds, settings.deadline_seconds * WAITING_SHARE)


def server_settings(settings: Settings) -> dict[str, str]:
    statement_ms = round(settings.statement_timeout_seconds * 1000)
    return {
        "application_name": "stayline",
        "statement_timeout": str(statement_ms),
        "lock_timeout": str(statement_ms),
        "idle_in_transaction_session_timeout": str(statement_ms * 2),
        "timezone": "UTC",
    }


def _take_role(connection: Any, _: Any) -> None:
    _note(connection)
    cursor = connection.cursor()
    cursor.execute(TAKE_ROLE)
    cursor.close()
    connection.commit()


def _take_out(connection: Any, *_: Any) -> None:
    """Note a connection with its deadline; have the pool open another for one that the store closed, by a restart.

    The driver has heard of it by then. Asking the store instead (pool_pre_ping) takes three round trips a request, and
    of a store that has gone silent it learns no sooner than the question itself does.
    """
    if connection.driver_connection.is_closed():
        raise DisconnectionError
    _note(connection)


def _note(connection: Any) -> None:
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
        async with asyncio.timeout_at(late) as limit:
            yield
    except (TimeoutError, StoreUnavailable) as error:
        if not limit.expired():  # asked of it, not of the clock: a loop may be a millisecond early
            raise
        raise OutOfTime("the answer would have taken too long; try again shortly") from error
    finally:
        closing.cancel()
        _in_use.reset(before)


def _close_all(connections: set[asyncpg.Connection]) -> None:
    for connection in connections:
        connection.terminate()


class _Session(Session):
    """Notes that something was asked; and asks it within a reach, if it was given one."""


@event.listens_for(_Session, "after_begin")
def _ask_within_reach(session: Session, _: Any, connection: Connection) -> None:
    session.info["asked"] = True
    if reach := session.info.get("reach"):
        connection.execute(_BOUND, reach.settings)


def create_sessions(engine: AsyncEngine) -> Sessions:
    return async_sessionmaker(engine, expire_on_commit=False, sync_session_class=_Session)


def has_asked(session: AsyncSession) -> bool:
    """Tell whether the store was asked anything in this session."""
    return "asked" in session.info


def create_readers(engine: AsyncEngine) -> Sessions:
    """Sessions that only read: without BEGIN and COMMIT a question is one round trip instead of three."""
    return create_sessions(engine.execution_options(isolation_level="AUTOCOMMIT"))


@asynccontextmanager
async def transaction(sessions: Sessions, reach: Reach = EVERYBODY) -> AsyncIterator[AsyncSession]:
    """Open a session that sees whom `reach` lets it, commit when the block ends, roll back when it raises.

    Raises StoreUnavailable when the store is away, ValueDoesNotFit for a value the edge should have refused, OutOfReach
    for a row that would lie beyond the reach, and Outrun when it has to be done again.
    """
    try:
        async with sessions.begin() as session:
            if reach.is_bounded:
                session.info["reach"] = reach
            yield session
    except (SQLAlchemyError, OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        if is_outage(error):
            raise StoreUnavailable("the store cannot be reached right now; try again shortly") from error
        if _sqlstate(error) == OUTRUN_CODE:
            raise Outrun from error
        if _sqlstate(error).startswith(DATA_CLASS):
            raise ValueDoesNotFit("a value does not fit where it is stored") from error
        if _sqlstate(error) == REFUSED_CODE and reach.is_bounded:
            raise OutOfReach("this lies beyond what the key reaches") from error
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


async def insert_many(session: AsyncSession, table: type[DeclarativeBase], rows: Sequence[Mapping[str, Any]]) -> None:
    """Add many rows of the same columns in one statement, a list a column: nearly as fast as COPY.

    COPY itself is refused where a table shows each role its own rows. As with `driver`, the session must have asked
    something before.
    """
    await insert_together(session, (table, rows))


async def insert_together(
    session: AsyncSession, *tables: tuple[type[DeclarativeBase], Sequence[Mapping[str, Any]]]
) -> None:
    """Add many rows to each of some tables, all in one statement."""
    filled = [(table, tuple(rows[0]), rows) for table, rows in tables if rows]
    if filled:
        lists = ([row[name] for row in rows] for _, columns, rows in filled for name in columns)
        statement = _insertion(tuple((table, columns) for table, columns, _ in filled))
        await (await driver(session)).execute(statement, *lists)


@cache
def _insertion(tables: tuple[tuple[type[DeclarativeBase], tuple[str, ...]], ...]) -> str:
    number = count(1)
    *others, last = (_insertion_of(table, columns, number) for table, columns in tables)
    before = ", ".join(f"made_{place} AS ({one})" for place, one in enumerate(others))
    return f"WITH {before} {last}" if before else last


def _insertion_of(table: type[DeclarativeBase], columns: tuple[str, ...], number: Iterator[int]) -> str:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # so SQLAlchemy has it
    types = (table.__table__.columns[name].type.compile(dialect) for name in columns)
    # Without their lengths: a cast would cut what is too long, while storing it refuses that.
    lists = ", ".join(f"${next(number)}::{kind.partition('(')[0]}[]" for kind in types)
    return f"INSERT INTO {table.__tablename__} ({', '.join(columns)}) SELECT * FROM unnest({lists})"  # noqa: S608  # our own words


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
