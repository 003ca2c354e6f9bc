"""Tables and migrations say the same, there and back."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, pool, text

from app.db import sync_url
from app.embedded.postgres import Server, ensure_database
from app.models import SCHEMA_REVISION, Base
from app.services import schema
from tests.contracts.repository import ROOT, sources


@contextmanager
def alembic(database_url: str) -> Iterator[Config]:
    config = Config(toml_file=ROOT / "pyproject.toml")
    with create_engine(sync_url(database_url), poolclass=pool.NullPool).begin() as connection:
        config.attributes["connection"] = connection
        yield config


def tables(database_url: str) -> set[str]:
    with create_engine(sync_url(database_url), poolclass=pool.NullPool).begin() as connection:
        return set(connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")))


def test_the_tables_are_those_of_the_models(new_database: Callable[[str], str], worker_id: str) -> None:
    with alembic(new_database(f"checked_{worker_id}")) as config:
        command.check(config)  # raises where a migration is missing


def test_every_migration_can_be_undone_and_done_again(server: Server, worker_id: str) -> None:
    name = f"to_and_fro_{worker_id}"
    ensure_database(server, name)
    expected = Base.metadata.tables.keys() | {"alembic_version"}
    schema.upgrade(server.url(name))
    assert tables(server.url(name)) == expected
    with alembic(server.url(name)) as config:
        command.downgrade(config, "base")
    assert tables(server.url(name)) == {"alembic_version"}
    schema.upgrade(server.url(name))
    assert tables(server.url(name)) == expected
    schema.upgrade(server.url(name))  # and once more changes nothing


def test_migrations_are_one_line_ordered_by_number() -> None:
    history = ScriptDirectory.from_config(Config(toml_file=ROOT / "pyproject.toml"))
    revisions = [revision.revision for revision in history.walk_revisions()][::-1]

    assert len(history.get_heads()) == 1
    assert revisions == sorted(revisions)
    assert SCHEMA_REVISION in revisions


def test_a_migration_waits_for_no_lock_for_long() -> None:
    found = sources("migrations/versions")

    assert found
    for name, source in found.items():
        assert source.count('op.execute("SET LOCAL lock_timeout') == 2, name
