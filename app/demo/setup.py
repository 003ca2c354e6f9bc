"""Makes the demo: database, model, subscribers, keys. What is already there is left as it is."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, Final

import psycopg
from sqlalchemy import select

from app.db import Sessions, StoreUnavailable, libpq_url, transaction
from app.demo import month
from app.demo.home import Demo, write_private
from app.demo.month import Month
from app.demo.telco import LABEL_NOTE
from app.domain.access import SCOPES
from app.errors import AppError, Conflict
from app.ml.bundle import BundleRefused
from app.ml.registry import active_bundles
from app.ml.training.dataset import is_held_out
from app.models import ApiKey, FeatureSnapshot
from app.services import access, schema
from app.services.working_time import calendar_of
from app.settings import Settings
from app.vault import Vault

MARK: Final = "stayline demo"
MARK_LOADED: Final = "stayline demo, loaded"
MARK_LIVED: Final = "stayline demo, loaded and lived for a month"

_READS: Final = frozenset(scope for scope in SCOPES if scope.endswith(":read"))
_FRONT_LINE: Final = _READS - {"reports:read", "campaigns:read"} | {
    "interactions:write",
    "complaints:write",
    "surveys:write",
    "decisions:write",
    "outcomes:write",
    "claims:write",
}
KEY_SCOPES: Final[Mapping[str, frozenset[str]]] = {
    "crm": _FRONT_LINE | {"scores:write", "subscribers:write"},
    "agent": _FRONT_LINE | {"care:write"},
    "analyst": _READS | {"watchlist:export"},
    "admin": SCOPES,
}


class NotADemoDatabase(Conflict):
    """The demo keeps its hands off this database."""


class SetupFailed(AppError):
    """The demo could not be set up."""


def take_database(demo: Demo) -> None:
    """Mark an empty database as the demo's; raises NotADemoDatabase for one with anything else in it."""
    tables = "SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    with _connected(demo) as connection:
        if _mark_of(connection):
            return
        if connection.execute(tables).fetchone() != (0,):
            raise NotADemoDatabase("the database in DATABASE_URL is not empty and was not made by the demo")
        # The table migrations keep their own revision in: made here, so that the mark is there from the first moment.
        connection.execute(
            "CREATE TABLE alembic_version (version_num varchar(32) CONSTRAINT alembic_version_pkc PRIMARY KEY)"
        )
        _put_mark(connection, MARK)


def fill(demo: Demo, say: Callable[[str], None]) -> None:
    """Migrate; train a model and import the sample if that was not done yet."""
    schema.upgrade(demo.database_url)
    if not _has_model(demo):
        say("Training the churn model on 75 % of the public sample (half a minute)")
        _make_table(demo)
        label = ["--target", "churn", "--positive", "Yes", "--label-note", LABEL_NOTE]
        _stayline(demo, "train", *label, "--folds", "1", "--keep-held-out", "--quiet", "--activate")
    with _connected(demo) as connection:
        if _mark_of(connection) not in {MARK_LOADED, MARK_LIVED}:
            say("Importing the subscribers")
            _make_table(demo)
            _stayline(demo, "import", "--as-of", f"{datetime.now(UTC):%Y-%m-%d}")
            _put_mark(connection, MARK_LOADED)


async def live(demo: Demo, sessions: Sessions, vault: Vault, settings: Settings, say: Callable[[str], None]) -> None:
    """Let a generated month pass for the sample's subscribers, once: a life cut short is not begun again."""
    with _connected(demo) as connection:
        if _mark_of(connection) == MARK_LIVED:
            return
        say("Generating a month of contacts, complaints and answers")
        _put_mark(connection, MARK_LIVED)
    at = datetime.now(UTC)
    async with transaction(sessions) as session:
        caller = await access.find_or_make_own_caller(session, month.CALLER, at)
    lived = Month(sessions, vault, calendar_of(settings), caller, at)
    await month.live(lived, sorted(_ids_of(demo)))


def _has_model(demo: Demo) -> bool:
    try:
        return bool(active_bundles(demo.models_dir))
    except BundleRefused:  # made by an earlier version, or damaged: made again
        return False


async def describe(demo: Demo, sessions: Sessions, base_url: str) -> dict[str, Any]:
    """Write what others need to use the demo: addresses, keys, and subscribers the model was not trained on."""
    known = json.loads(demo.description.read_text()).get("api_keys", {}) if demo.description.exists() else {}
    async with transaction(sessions) as session:
        ids = set(await session.scalars(select(FeatureSnapshot.subscriber_id).distinct())) & _ids_of(demo)
        keys = {name: await _key(session, name, known.get(name)) for name in KEY_SCOPES}
        unseen = sorted((id for id in ids if is_held_out(id)), key=lambda id: (len(id), id))
    told = {"base_url": base_url, "database_url": demo.database_url, "api_keys": keys, "subscriber_ids": unseen}
    write_private(demo.description, json.dumps(told, indent=2))
    return told


def _ids_of(demo: Demo) -> set[str]:
    """The sample's own ids: whatever else was imported, a label might have been known of."""
    with demo.table.open(encoding="utf-8", newline="") as file:
        return {row["rownames"] for row in csv.DictReader(file)}


async def _key(session: Any, name: str, known: str | None) -> str:
    """Keep the key of an earlier start if the store still knows it, else make a new one."""
    if known and await session.scalar(select(ApiKey.id).where(ApiKey.digest == access.digest(known))):
        return known
    return await access.create_key(session, name=f"demo {name}", scopes=KEY_SCOPES[name], at=datetime.now(UTC))


def _make_table(demo: Demo) -> None:
    if not demo.table.exists():
        _call([sys.executable, "-m", "app.demo.telco", str(demo.table)], {})


def _stayline(demo: Demo, command: str, *options: str) -> None:
    mapping = str(files("app") / "demo" / "telco.yaml")
    places = {"train": ["--out", str(demo.models_dir)], "import": []}[command]
    arguments = [command, str(demo.table), "--mapping", mapping, *places, *options]
    _call([sys.executable, "-m", "app", *arguments], demo.environment())


def _call(command: list[str], environment: dict[str, str]) -> None:
    # A process of its own: what training and importing load would otherwise stay in the server's memory.
    if subprocess.run(command, env=os.environ | environment, check=False).returncode:  # noqa: S603  # our own commands
        raise SetupFailed("the demo could not be set up; the line above says why")


def _connected(demo: Demo) -> psycopg.Connection[Any]:
    try:
        return psycopg.connect(libpq_url(demo.database_url))
    except psycopg.OperationalError as error:
        raise StoreUnavailable("the database cannot be reached; check DATABASE_URL") from error


def _mark_of(connection: psycopg.Connection[Any]) -> str | None:
    found = connection.execute("SELECT obj_description(to_regclass('alembic_version'), 'pg_class')").fetchone()
    mark = found and found[0]
    return mark if mark in {MARK, MARK_LOADED, MARK_LIVED} else None


def _put_mark(connection: psycopg.Connection[Any], mark: str) -> None:
    connection.execute(f"COMMENT ON TABLE alembic_version IS '{mark}'".encode())
