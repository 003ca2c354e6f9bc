"""What the store holds, as somebody who reads it without the service sees it."""

import psycopg
from psycopg import sql

from app.settings import Settings

OF_ITSELF = {"score_traffic", "access_entries", "access_links"}


def open_store(settings: Settings) -> psycopg.Connection:
    return psycopg.connect(settings.database_url.get_secret_value(), autocommit=True)


def tables(store: psycopg.Connection) -> list[str]:
    rows = store.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    return [name for (name,) in rows]


def count_rows(store: psycopg.Connection) -> dict[str, int]:
    """Count the rows of every table but those that the service writes to of itself, whatever the request."""
    count = sql.SQL("SELECT {}, count(*) FROM {}")
    counts = [count.format(sql.Literal(name), sql.Identifier(name)) for name in tables(store) if name not in OF_ITSELF]
    return dict(store.execute(sql.SQL(" UNION ALL ").join(counts)).fetchall())


def where_found(store: psycopg.Connection, text: str) -> set[str]:
    """Name the tables that hold this text: plainly, or as the bytes of a binary column."""
    shapes = {text.lower(), text.encode().hex()}
    return {
        table for table in tables(store) for row in _rows(store, table) if any(shape in row.lower() for shape in shapes)
    }


def _rows(store: psycopg.Connection, table: str) -> list[str]:
    query = sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(table))
    return [row for (row,) in store.execute(query)]
