"""Tables and migrations say the same, there and back."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

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


# Taste, not safety: bounded texts and small numbers are the last guard of what the edge checks; how long an index may
# take depends on the table, and what a migration waits for is bounded by its lock_timeout.
TASTE = ("prefer-text-field", "prefer-bigint-over-int", "prefer-bigint-over-smallint", "require-statement-timeout")
# Written before the first release, when no store was in use.
BEFORE_RELEASE = {
    "0004": {
        "adding-foreign-key-constraint",
        "ban-drop-constraint",
        "ban-drop-table",
        "constraint-missing-not-valid",
        "require-concurrent-index-creation",
        "require-concurrent-index-deletion",
    }
}


def written(revision: str, before: str) -> str:
    """The SQL that one migration runs."""
    told = StringIO()
    config = Config(toml_file=ROOT / "pyproject.toml", output_buffer=told)
    command.upgrade(config, f"{before}:{revision}", sql=True)
    return told.getvalue()


def test_no_migration_keeps_a_store_in_use_waiting(tmp_path: Path) -> None:
    """What squawk knows to lock a table for long, or to break the code before, is in none of them."""
    found = {}
    for script in ScriptDirectory.from_config(Config(toml_file=ROOT / "pyproject.toml")).walk_revisions():
        path = tmp_path / f"{script.revision}.sql"
        path.write_text(written(script.revision, str(script.down_revision or "base")))
        ran = subprocess.run(
            ["squawk", "--assume-in-transaction", f"--exclude={','.join(TASTE)}", "--reporter=json", path],
            capture_output=True,
            check=False,
            env={"PATH": str(Path(sys.executable).parent)},
        )
        if rules := {warning["rule_name"] for warning in json.loads(ran.stdout)}:
            found[script.revision] = rules
    assert found == BEFORE_RELEASE
