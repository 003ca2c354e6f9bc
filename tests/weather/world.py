"""A world to spoil: PostgreSQL, the road to it, the service and its worker, each a process that can be killed."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import httpx
import psycopg

from app.demo import telco
from app.domain.access import SCOPES
from app.embedded.postgres import Server, ensure_database, postgres
from app.services import schema
from app.settings import Settings
from tests.factories.dictionary import lay_dictionary
from tests.factories.forwarder import Forwarder, forwarding
from tests.factories.models import activate, train_small
from tests.factories.processes import children_of, command_of, memory_of, open_files_of
from tests.service import client_of, free_port, wait_until_ready
from tests.service import variables as variables_of

ROOT: Final = Path(__file__).parents[2]
PATIENCE: Final = 40.0
NAME: Final = "weather"


@dataclass(slots=True)
class World:
    """Where everything is. `code` is the folder the service's own code is taken from."""

    home: Path
    postgres_home: Path
    server: Server
    road: Forwarder
    settings: Settings
    port: int
    key: str
    code: Path = ROOT
    database: str = NAME
    peopled: bool = False
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def database_url(self) -> str:
        """The store's own address: what happens on the road does not concern it."""
        return self.server.url(self.database)

    def reading(self, database: str) -> "World":
        """The same world, with another database of the same store."""
        return replace(self, database=database, _running={})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, timeout: float = 30) -> httpx.Client:
        """A client that may do everything."""
        return client_of(self.url, self.key, timeout=timeout)

    @property
    def log(self) -> Path:
        return self.home / "service.log"

    def environment(self, **variables: str) -> dict[str, str]:
        told = variables_of(self.settings) | {"DATABASE_URL": self.road.database_url, "PYTHONPATH": str(self.code)}
        return os.environ | told | variables

    def command(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the product's to its end; raises if it fails."""
        return subprocess.run(
            [sys.executable, "-m", "app", *arguments],
            cwd=self.code,
            env=self.environment(**variables),
            check=True,
            capture_output=True,
            text=True,
        )

    def start(self, name: str = "serve", *arguments: str, **variables: str) -> None:
        """Start the service (`serve`) or the worker."""
        command = [sys.executable, "-m", "app", name, *arguments]
        if name == "serve":
            command += ["--port", str(self.port)]
        with self.log.open("ab") as log:
            self._running[name] = subprocess.Popen(
                command,
                cwd=self.code,
                env=self.environment(**variables),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def serve(self, workers: int = 1, **variables: str) -> None:
        """Start the service and wait until it is ready."""
        self.start("serve", "--workers", str(workers), **variables)
        wait_until_ready(self.url)

    @property
    def pid(self) -> int:
        """The service's process that was started."""
        return self._running["serve"].pid

    def serving(self) -> list[int]:
        """The processes that answer: the started one itself, or all its workers."""
        return [child for child in children_of(self.pid) if "spawn_main" in command_of(child)] or [self.pid]

    def memory(self) -> int:
        return sum(memory_of(pid) for pid in self.serving())

    def open_files(self) -> int:
        return sum(open_files_of(pid) for pid in self.serving())

    def callers(self) -> int:
        """How many connections of callers are open at the service's port (proc_net_tcp(5), state 01)."""
        rows = [line.split() for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]]
        return sum(row[1].endswith(f":{self.port:04X}") and row[3] == "01" for row in rows)

    def kill(self, name: str = "serve") -> None:
        """Kill the process and its children, without a word."""
        process = self._running.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self, name: str = "serve") -> float:
        """Ask it to end, and return how many seconds that took."""
        process = self._running.pop(name)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=PATIENCE)
        return time.monotonic() - began

    def postgres_pids(self) -> list[int]:
        """The postmaster, then its children."""
        pid = int((self.postgres_home / "data" / "postmaster.pid").read_text().split("\n", 1)[0])
        return [pid, *children_of(pid)]

    def kill_postgres(self) -> None:
        """Kill all of its processes at once: one by one they would still save each other's work."""
        for pid in self.postgres_pids():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def start_postgres(self) -> None:
        with postgres(self.postgres_home):  # joined while we hold the world's own; it stays up after this
            pass

    def freeze_postgres(self, seconds: float) -> None:
        stopped = self.postgres_pids()
        for pid in stopped:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        time.sleep(seconds)
        for pid in stopped:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def store(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.database_url, autocommit=True)

    def share_cores(self) -> None:
        """Give the service a core of its own; the store and whoever calls have the others."""
        *others, own = sorted(os.sched_getaffinity(0))
        for pid in self.serving():
            os.sched_setaffinity(pid, {own})
        for pid in [os.getpid(), *self.postgres_pids()]:
            with suppress(ProcessLookupError):
                os.sched_setaffinity(pid, others or {own})

    def terminate_backends(self) -> None:
        with self.store() as store:
            store.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'stayline%'"
            )

    def end(self) -> None:
        for name in list(self._running):
            self.kill(name)


@contextmanager
def world(models_dir: Path | None = None, disk: Path | None = None) -> Iterator[World]:
    """Make a world with an empty store, on a disk of its own if one is given, and a real model; nothing serves yet."""
    with tempfile.TemporaryDirectory(prefix="weather-") as folder:
        home = Path(folder)
        postgres_home = disk or home / "postgres"
        with postgres(postgres_home) as server:
            ensure_database(server, NAME)
            schema.upgrade(server.url(NAME))
            with forwarding(server.url(NAME)) as road:
                made = _furnish(home, postgres_home, server, road, models_dir or _models(home))
                try:
                    yield made
                finally:
                    made.end()
                    road.open()


def _furnish(home: Path, postgres_home: Path, server: Server, road: Forwarder, models_dir: Path) -> World:
    from tests.conftest import fill, make_key, make_settings  # noqa: PLC0415  # loads pytest

    settings = make_settings(server.url(NAME), models_dir)
    fill(settings)
    lay_dictionary(settings)
    return World(home, postgres_home, server, road, settings, free_port(), make_key(settings, SCOPES))


def _models(home: Path) -> Path:
    csv, root = home / "telco.csv", home / "models"
    telco.write(csv)
    activate(root, train_small(csv, root))
    return root
