"""worker: what has to be done by the clock, until Ctrl-C."""

import asyncio
import signal
from typing import Annotated

import typer

from app import worker
from app.cli import opened
from app.cli.opened import Opened
from app.errors import Unavailable
from app.observability import configure_logging, tell
from app.services.health import look_at_store
from app.settings import Settings
from app.worker import Ground


class SchemaTooOld(Unavailable):
    """The database schema is too old."""


def worker_(
    once: Annotated[  # noqa: FBT002  # a flag
        bool, typer.Option("--once", help="Run each job once, print what was done, and end.")
    ] = False,
) -> None:
    """Do what the clock demands, such as deleting what is too old, until Ctrl-C. Of several workers one works."""
    configure_logging(Settings.read().log_level)
    opened.run(_work_once if once else _work)


async def _work_once(store: Opened) -> None:
    await _require_schema(store)
    for job, counts in (await worker.run_once(_ground(store))).items():
        typer.echo(f"{job}: " + ", ".join(f"{count} {what}" for what, count in counts.items()))


async def _work(store: Opened) -> None:
    await _require_schema(store)
    working = asyncio.ensure_future(worker.run(_ground(store)))
    for ending in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(ending, working.cancel)
    await asyncio.wait([working])
    tell("worker_ended")
    if not working.cancelled():
        working.result()


def _ground(store: Opened) -> Ground:
    return Ground(store.settings, store.sessions, store.vault)


async def _require_schema(store: Opened) -> None:
    # A store that is away is waited for.
    if (await look_at_store(store.sessions)).state == "old_schema":
        raise SchemaTooOld("the database's schema is missing or too old: run `stayline migrate`")


def register(cli: typer.Typer) -> None:
    cli.command("worker")(worker_)
