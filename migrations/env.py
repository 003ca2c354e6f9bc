"""Runs migrations on a synchronous connection (psycopg), given by the caller or made from DATABASE_URL.

With `--sql` it writes what it would run instead.
"""

import os

from alembic import context
from sqlalchemy import Connection, create_engine, pool

from app.db import sync_url
from app.models import Base


def run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=Base.metadata, compare_server_default=True)
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if context.is_offline_mode():
    context.configure(dialect_name="postgresql", literal_binds=True)
    context.run_migrations()
elif given is not None:
    run(given)
else:
    engine = create_engine(sync_url(os.environ["DATABASE_URL"]), poolclass=pool.NullPool)
    with engine.connect() as made:
        run(made)
