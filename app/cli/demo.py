"""demo: everything on one machine, from nothing to a serving API."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from app.cli.serving import listen
from app.demo.home import IBM, OPERATOR, Demo, folder_of
from app.embedded.postgres import postgres

HOME = Path(".stayline")


def demo(
    port: Annotated[int, typer.Option(envvar="PORT", min=1, max=65535)] = 8000,
    data: Annotated[str, typer.Option(envvar="DATA", help="Which data: ibm, or operator (simulated).")] = IBM,
) -> None:
    """Set everything up (database, model, public sample data) and serve at 127.0.0.1 until Ctrl-C."""
    if data not in {IBM, OPERATOR}:
        raise typer.BadParameter(f"there is no {data!r} data; there is {IBM}, and {OPERATOR}, which is simulated")
    # Leave by an exception, so that the database is stopped on the way out, whoever asked us to go.
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, _leave)
    HOME.mkdir(mode=0o700, exist_ok=True)
    folder_of(HOME, data).mkdir(mode=0o700, exist_ok=True)
    with _database(data) as database_url:
        made = Demo(HOME.resolve(), database_url, data)
        _set_up(made, f"http://127.0.0.1:{port}")
        os.environ.update(made.environment())
        with _worker():
            listen("127.0.0.1", port)


def _set_up(made: Demo, base_url: str) -> None:
    """Let a process of its own do it: what it loads does not stay with the server, which is loaded meanwhile."""
    command = [sys.executable, "-m", "app", "demo-setup", str(made.home), base_url, made.data]
    # In a session of its own, so that Ctrl-C reaches us first and we stop it with all it started.
    with subprocess.Popen(command, env=os.environ | made.environment(), start_new_session=True) as setup:  # noqa: S603  # our own command
        try:
            import_module("app.main")
            setup.wait()
        except BaseException:
            os.killpg(setup.pid, signal.SIGTERM)
            raise
    if setup.returncode:
        raise SystemExit(setup.returncode)


@contextmanager
def _worker() -> Iterator[None]:
    """Have a worker beside the service, as wherever it serves."""
    with subprocess.Popen([sys.executable, "-m", "app", "worker"], start_new_session=True) as worker:
        try:
            yield
        finally:
            worker.terminate()


@contextmanager
def _database(data: str) -> Iterator[str]:
    """The one named in DATABASE_URL, else an embedded one."""
    if given := os.environ.get("DATABASE_URL"):
        yield given
        return
    with postgres(folder_of(HOME, data) / "postgres") as server:
        yield server.url()


def _leave(signum: int, _: FrameType | None) -> None:
    raise SystemExit(128 + signum)


def register(cli: typer.Typer) -> None:
    cli.command("demo")(demo)
