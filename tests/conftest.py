"""One PostgreSQL cluster and one real small model a run; one database and one service a worker; real HTTP."""

import asyncio
import base64
import fcntl
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import uvicorn
from hypothesis import settings as hypothesis

from app.cli.serving import IDLE_SECONDS
from app.db import create_engine, create_sessions, transaction
from app.demo import telco
from app.domain.access import SCOPES
from app.embedded.postgres import Server, ensure_database, postgres
from app.main import create_app
from app.services import access, schema
from app.settings import Settings
from tests.service import Service, client_of

RUN_HOME = "STAYLINE_TEST_HOME"
ROOM = 4 * 2**30  # bytes; a run takes less than half of that
ROOT = Path(__file__).parents[1]


# A busy machine is no reason for a property to fail.
hypothesis.register_profile("stayline", deadline=None)
hypothesis.load_profile("stayline")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        os.environ[RUN_HOME] = tempfile.mkdtemp(prefix="stayline-test-", dir=in_memory())


def in_memory() -> Path | None:
    """A folder that no disk is behind, if it has room: every test makes databases, and none outlives the machine."""
    memory = Path("/dev/shm")  # noqa: S108  # the folder made in it is nobody else's
    return memory if memory.is_dir() and shutil.disk_usage(memory).free > ROOM else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first, so that in the end no worker waits for another's long one; none is torn apart."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ.pop(RUN_HOME), ignore_errors=True)


@pytest.fixture(scope="session")
def run_home() -> Path:
    return Path(os.environ[RUN_HOME])


@contextmanager
def once(run_home: Path, name: str) -> Iterator[bool]:
    """Yield True to the first worker that comes here, and False to the others after it is done."""
    with (run_home / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = run_home / f"{name}.done"
        yield not done.exists()
        done.touch()


@pytest.fixture(scope="session")
def server(run_home: Path) -> Iterator[Server]:
    with postgres(run_home / "postgres") as running:
        yield running


@pytest.fixture(scope="session")
def new_database(server: Server, run_home: Path) -> Callable[[str], str]:
    """Make databases with the current schema and the shipped catalogues, copied from one that was migrated."""
    with once(run_home, "template") as first:
        if first:
            ensure_database(server, "template_stayline")
            schema.upgrade(server.url("template_stayline"))
            fill(make_settings(server.url("template_stayline"), Path()))

    def make(name: str) -> str:
        # Copying needs the template to itself.
        with once(run_home, f"database-{name}"), psycopg.connect(server.url(), autocommit=True) as connection:
            _copy(connection, name)
        return server.url(name)

    def _copy(connection: psycopg.Connection, name: str) -> None:
        with once(run_home, "copying"):
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template_stayline".encode())

    return make


@pytest.fixture(scope="session")
def telco_csv(run_home: Path) -> Path:
    path = run_home / "telco.csv"
    with once(run_home, "telco") as first:
        if first:
            telco.write(path)
    return path


@pytest.fixture(scope="session")
def models_dir(run_home: Path, telco_csv: Path) -> Path:
    """A registry with one real, small, active model, trained on real rows."""
    from tests.factories.models import activate, train_small  # noqa: PLC0415  # what training needs takes long to load

    root = run_home / "models"
    with once(run_home, "models") as first:
        if first:
            activate(root, train_small(telco_csv, root))
    return root


@pytest.fixture(scope="session")
def database_url(new_database: Callable[[str], str], worker_id: str) -> str:
    return new_database(f"worker_{worker_id}")


@pytest.fixture(scope="session")
def settings(database_url: str, models_dir: Path) -> Settings:
    return make_settings(database_url, models_dir)


@pytest.fixture(scope="session")
def service(settings: Settings) -> Iterator[Service]:
    """The running service, with a key for everything."""
    with serving(settings) as running:
        yield running


@pytest.fixture
def api(service: Service) -> httpx.Client:
    """A client that may do everything."""
    return service.client


def make_settings(database_url: str, models_dir: Path, **others: object) -> Settings:
    key = base64.b64encode(os.urandom(32)).decode()
    return Settings.model_validate(
        {"database_url": database_url, "master_keys": key, "models_dir": models_dir, **others}
    )


@contextmanager
def serving(settings: Settings) -> Iterator[Service]:
    """Serve on a free port, in a thread of its own."""
    options: dict[str, Any] = {
        "access_log": False,
        "log_config": None,
        "lifespan": "on",
        "timeout_keep_alive": IDLE_SECONDS,
    }
    config = uvicorn.Config(create_app(settings), port=0, **options)
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    give_up = time.monotonic() + 20
    while not running.started and time.monotonic() < give_up and thread.is_alive():
        time.sleep(0.01)
    port = running.servers[0].sockets[0].getsockname()[1]
    key = make_key(settings, SCOPES)
    with client_of(f"http://127.0.0.1:{port}", key) as client:
        try:
            yield Service(client, settings, key)
        finally:
            running.should_exit = True
            thread.join(timeout=20)


def make_key(settings: Settings, scopes: frozenset[str] | set[str], agent_id: str | None = None, **others: Any) -> str:
    """Make a key; `others` are what else `create_key` takes, such as regions."""
    return asyncio.run(_make_key(settings, scopes=scopes, agent_id=agent_id, **others))


async def _make_key(settings: Settings, **what: Any) -> str:
    engine = create_engine(settings)
    async with transaction(create_sessions(engine)) as session:
        key = await access.create_key(session, name="test", at=datetime.now(UTC), **what)
    await engine.dispose()
    return key


def fill(settings: Settings) -> None:
    """Lay the shipped catalogues."""
    asyncio.run(_fill(settings))


async def _fill(settings: Settings) -> None:
    engine = create_engine(settings)
    await schema.fill_catalogues(create_sessions(engine))
    await engine.dispose()
