"""demo: everything on one machine, from nothing to a serving API."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer

from app.cli import opened
from app.cli.serving import listen
from app.demo import setup
from app.demo.setup import Demo
from app.embedded.postgres import ensure_database, postgres
from app.services import schema

HOME = Path(".stayline")
DATABASE = "stayline"


def demo(
    port: Annotated[int, typer.Option(envvar="PORT", min=1, max=65535)] = 8000,
    data: Annotated[str, typer.Option(envvar="DATA", help="Which data: ibm.")] = "ibm",
) -> None:
    """Set everything up (database, model, public sample data) and serve at 127.0.0.1 until Ctrl-C."""
    if data != "ibm":
        raise typer.BadParameter(f"there is no {data!r} data; there is ibm")
    # Leave by an exception, so that the database is stopped on the way out, whoever asked us to go.
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, _leave)
    HOME.mkdir(mode=0o700, exist_ok=True)
    with _database() as database_url:
        demo = Demo(HOME.resolve(), database_url)
        setup.fill(demo, lambda step: typer.echo(f"· {step}"))
        os.environ.update(demo.environment())
        base_url = f"http://127.0.0.1:{port}"
        told = opened.run(lambda store: _describe(demo, store, base_url))
        _show(told)
        listen("127.0.0.1", port)


async def _describe(demo: Demo, store: opened.Opened, base_url: str) -> dict[str, Any]:
    await schema.fill_catalogues(store.sessions)
    return await setup.describe(demo, store.sessions, base_url)


@contextmanager
def _database() -> Iterator[str]:
    """The database named in DATABASE_URL if it is the demo's or empty, else an embedded one."""
    if given := os.environ.get("DATABASE_URL"):
        setup.take_database(given)
        yield given
        return
    with postgres(HOME / "postgres") as server:
        ensure_database(server, DATABASE)
        setup.take_database(server.url(DATABASE))
        yield server.url(DATABASE)


def _leave(signum: int, _: FrameType | None) -> None:
    raise SystemExit(128 + signum)


def _show(told: dict[str, Any]) -> None:
    lines = [
        f"Stayline serves at {told['base_url']}  (documentation: {told['base_url']}/docs)",
        *(f"  {name:<8}{key}" for name, key in told["api_keys"].items()),
        f"Also in {HOME / 'demo.json'}, with {len(told['subscriber_ids'])} subscriber ids. Ctrl-C stops it all.",
    ]
    typer.echo("\n".join(lines))
