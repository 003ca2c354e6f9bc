"""Makes the demo: database, model, subscribers, keys. What is already there is left as it is."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import psycopg
from sqlalchemy import select

from app.db import Sessions, StoreUnavailable, libpq_url, transaction
from app.demo import care, firms, month, places
from app.demo.home import Demo, write_private
from app.demo.month import Month
from app.demo.operator import history
from app.demo.operator.mechanisms import ARMS, CONTROL
from app.demo.telco import LABEL_NOTE
from app.domain.access import SCOPES
from app.errors import AppError, Conflict
from app.ml.bundle import BundleRefused
from app.ml.registry import active_bundles
from app.ml.training.dataset import is_held_out
from app.models import ApiKey, FeatureSnapshot
from app.schemas.scoring_runs import ScoringRunCreate
from app.services import access, schema, scoring_runs
from app.services.working_time import calendar_of
from app.settings import Settings
from app.vault import Vault

MADE: Final = ""
LOADED: Final = ", loaded"
LIVED: Final = ", loaded and lived for a month"
WORLD_SIZE: Final = 15_000  # enough for the trial to show that ranking by uplift beats risk

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
        if _mark_of(connection, demo) is not None:
            return
        if connection.execute(tables).fetchone() != (0,):
            raise NotADemoDatabase("the database in DATABASE_URL is not empty and was not made by the demo")
        # The table migrations keep their own revision in: made here, so that the mark is there from the first moment.
        connection.execute(
            "CREATE TABLE alembic_version (version_num varchar(32) CONSTRAINT alembic_version_pkc PRIMARY KEY)"
        )
        _put_mark(connection, demo, MADE)


def fill(demo: Demo, say: Callable[[str], None]) -> None:
    """Migrate; train a model and import the sample if that was not done yet."""
    schema.upgrade(demo.database_url)
    if not _has_model(demo):
        _make_table(demo)
        if demo.is_simulated:
            _learn_of_the_world(demo, say)
        else:
            say("Training the churn model on 75 % of the public sample (half a minute)")
            label = ["--target", "churn", "--positive", "Yes", "--label-note", LABEL_NOTE]
            _stayline(demo, "train", *label, "--folds", "1", "--keep-held-out", "--quiet", "--activate")
    with _connected(demo) as connection:
        if _mark_of(connection, demo) not in {LOADED, LIVED}:
            say("Importing the subscribers")
            _make_table(demo)
            if demo.is_simulated:
                profiles = demo.world / "profiles.parquet"
                _run(
                    demo,
                    "import",
                    str(profiles),
                    "--mapping",
                    _mapping(profiles),
                    "--as-of",
                    str(history.ends(demo.world)),
                )
            else:
                today = datetime.now(UTC).date()
                table = demo.table.with_name("places.csv")
                places.write(table, _tenures_of(demo), today)
                _run(demo, "import", str(table), "--mapping", _shipped("places"), "--as-of", f"{today}")
                _stayline(demo, "import", "--as-of", f"{today}")
            _put_mark(connection, demo, LOADED)


async def live(demo: Demo, sessions: Sessions, vault: Vault, settings: Settings, say: Callable[[str], None]) -> None:
    """Let a generated month pass for the sample's subscribers, once: a life cut short is not begun again."""
    with _connected(demo) as connection:
        if _mark_of(connection, demo) == LIVED:
            return
        say("Generating a month of contacts, complaints and answers")
        _put_mark(connection, demo, LIVED)
    at = datetime.now(UTC)
    async with transaction(sessions) as session:
        caller = await access.find_or_make_own_caller(session, month.CALLER, at)
    lived = Month(sessions, vault, calendar_of(settings), caller, at)
    if demo.is_simulated:
        await history.tell(sessions, demo.world, caller, at)
    ids = sorted(_ids_of(demo))
    await month.live(lived, ids)
    await care.care(lived)
    await firms.found(lived, ids)
    bundles = active_bundles(demo.models_dir)
    async with transaction(sessions) as session:
        await scoring_runs.request_run(session, caller, bundles, ScoringRunCreate(), datetime.now(UTC))


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
    simulated = {"data": history.SIMULATED} if demo.is_simulated else {}
    told = simulated | {
        "base_url": base_url,
        "database_url": demo.database_url,
        "api_keys": keys,
        "subscriber_ids": unseen,
    }
    write_private(demo.description, json.dumps(told, indent=2))
    return told


def _ids_of(demo: Demo) -> set[str]:
    """The sample's own ids: whatever else was imported, a label might have been known of."""
    if demo.is_simulated:
        return history.ids_of(demo.world)
    return set(_tenures_of(demo))


def _tenures_of(demo: Demo) -> dict[str, int]:
    with demo.table.open(encoding="utf-8", newline="") as file:
        return {row["rownames"]: int(row["tenure"]) for row in csv.DictReader(file)}


async def _key(session: Any, name: str, known: str | None) -> str:
    """Keep the key of an earlier start if the store still knows it, else make a new one."""
    if known and await session.scalar(select(ApiKey.id).where(ApiKey.digest == access.digest(known))):
        return known
    return await access.create_key(session, name=f"demo {name}", scopes=KEY_SCOPES[name], at=datetime.now(UTC))


def _learn_of_the_world(demo: Demo, say: Callable[[str], None]) -> None:
    """Train a churn model on the world's panel, and one of effects on its randomised trial."""
    panel, trial = (demo.world / f"{name}.parquet" for name in ("panel", "trial"))
    to = ["--out", str(demo.models_dir), "--horizon-days", "90", "--activate"]
    label = ["--target", "left", "--positive", "yes"]
    say("Training the churn model on the simulated panel (a minute)")
    note = ["--label-note", history.SIMULATED, "--folds", "1", "--keep-held-out", "--quiet"]
    _run(demo, "train", str(panel), "--mapping", _mapping(panel), *label, *note, *to)
    say("Learning from the simulated trial what each action changes (half a minute)")
    chances = [word for arm in ARMS for word in ("--propensity", f"{arm}=p_{arm}")]
    given = ["--arm", "arm", "--control", CONTROL, "--given-on", "treated_on", "--became-on", "left_on"]
    truth = ["--truth", str(demo.world / "truth.parquet")]
    _run(demo, "learn", str(trial), "--mapping", _mapping(trial), *label, *given, *chances, *truth, *to)


def _mapping(table: Path) -> str:
    return str(table.with_suffix(".yaml"))


def _make_table(demo: Demo) -> None:
    if demo.is_simulated and not (demo.world / "world.json").exists():
        until = f"{datetime.now(UTC) - 4 * timedelta(days=30.44):%Y-%m-%d}"
        _run(demo, "simulate", "--out", str(demo.world), "--subscribers", str(WORLD_SIZE), "--until", until)
    elif not demo.is_simulated and not demo.table.exists():
        _call([sys.executable, "-m", "app.demo.telco", str(demo.table)], {})


def _stayline(demo: Demo, command: str, *options: str) -> None:
    to = {"train": ["--out", str(demo.models_dir)], "import": []}[command]
    _run(demo, command, str(demo.table), "--mapping", _shipped("telco"), *to, *options)


def _shipped(name: str) -> str:
    return str(files("app") / "demo" / f"{name}.yaml")


def _run(demo: Demo, *arguments: str) -> None:
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


def _mark_of(connection: psycopg.Connection[Any], demo: Demo) -> str | None:
    """How far the demo of these data has come in this database; None where it has not begun."""
    found = connection.execute("SELECT obj_description(to_regclass('alembic_version'), 'pg_class')").fetchone()
    return next((mark for mark in (MADE, LOADED, LIVED) if found and found[0] == f"{_whose(demo)}{mark}"), None)


def _put_mark(connection: psycopg.Connection[Any], demo: Demo, mark: str) -> None:
    connection.execute(f"COMMENT ON TABLE alembic_version IS '{_whose(demo)}{mark}'".encode())


def _whose(demo: Demo) -> str:
    return "stayline demo of a simulated operator" if demo.is_simulated else "stayline demo"
