"""A query as a table: one SELECT, asked of the service's own database, which it cannot change."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import ServerCursor
from sqlalchemy.exc import ArgumentError

from app.db import StoreUnavailable, libpq_url
from app.pipelines.tables import BATCH_ROWS, BadRow, Row, Table, TableRefused, without_repeats

CONNECT_SECONDS: Final = 5
# What a statement may be refused for (PostgreSQL appendix A). The database's own words would quote the statement.
_REASONS: Final = {
    "42501": "asks for something this user of the database may not read",
    "42P01": "asks for a table that is not there",
    "42703": "asks for a column that is not there",
    "57014": "was cancelled",
}
_REASONS_OF_CLASS: Final = {
    "08": "lost the connection to the database",
    "0A": "is not one SELECT that only reads",
    "22": "meets a value that it cannot compute with",
    "25": "would change the database, and a query only reads",
    "42": "is not one SELECT that the database understands",
}


def open_query(path: Path, environment: Mapping[str, str]) -> Table:
    """Open the answer to the query in a file. Raises TableRefused, and never shows what the query says."""
    if "DATABASE_URL" not in environment:
        raise TableRefused(f"{path} is a query, and DATABASE_URL, which names its database, is not set")
    try:
        address = libpq_url(environment["DATABASE_URL"])
        query = path.read_text(encoding="utf-8").strip().rstrip(";")
    except ArgumentError:
        raise TableRefused("DATABASE_URL is not an address such as postgresql://user:password@host/stayline") from None
    except UnicodeDecodeError:
        raise TableRefused(f"{path} is not UTF-8") from None
    done = 0.0

    def rows() -> Iterator[tuple[int, Row | BadRow]]:
        nonlocal done
        done = 0.0
        with _asked(path, address, query) as cursor:
            for line, cells in enumerate(cursor, 1):
                yield line, dict(zip(columns, cells, strict=True))
        done = 1.0

    with _asked(path, address, query) as cursor:
        columns = _columns(path, cursor)
    return Table(columns, rows, lambda: done)


@contextmanager
def _asked(path: Path, address: str, query: str) -> Iterator[ServerCursor[Any]]:
    """Ask for the rows in a transaction of their own; it cannot write, and nothing of it is kept."""
    try:
        with psycopg.connect(address, connect_timeout=CONNECT_SECONDS, application_name="stayline") as connection:
            connection.read_only = True
            with connection.cursor("answer") as cursor:
                cursor.itersize = BATCH_ROWS
                cursor.execute(query.encode())
                yield cursor
            connection.rollback()
    except psycopg.Error as error:
        if error.sqlstate is None and isinstance(error, psycopg.OperationalError):
            raise StoreUnavailable("the database cannot be reached; check DATABASE_URL") from None
        raise TableRefused(f"the query in {path} {_why(error.sqlstate or '')}") from None


def _why(state: str) -> str:
    return _REASONS.get(state) or _REASONS_OF_CLASS.get(state[:2]) or f"fails in the database (SQLSTATE {state or '?'})"


def _columns(path: Path, cursor: ServerCursor[Any]) -> tuple[str, ...]:
    described = cursor.description or []
    for column in described:
        if column.type_display in {"json", "jsonb"}:
            raise TableRefused(
                f"{path} answers with JSON in the column {column.name!r}: select its fields instead, such as"
                " (features->>'tenure_months')::float AS tenure_months"
            )
    return without_repeats(path, tuple(column.name for column in described))
