"""serve: the API, until Ctrl-C."""

import logging
import os
import tempfile
from typing import Annotated

import typer
import uvicorn

from app import tracing
from app.cli import opened
from app.cli.opened import Opened
from app.errors import Unavailable
from app.ml.registry import active_bundles
from app.observability import SHARED_METRICS, tell
from app.services.health import look_at_store
from app.settings import Settings

GRACE_SECONDS = 8
# Longer than clients and balancers keep an idle connection (usually up to 60): who closes one must not be us, just as a
# request is on its way to us.
IDLE_SECONDS = 75
STARTED_WITHIN_SECONDS = 20  # on a busy machine, too: a process that is to replace another is given up after that


class SchemaTooOld(Unavailable):
    """The database schema is too old."""


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8000,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes.")] = 1,
) -> None:
    """Serve the API until Ctrl-C. Needs DATABASE_URL and STAYLINE_MASTER_KEYS."""
    tracing.require_installed()
    opened.run(_require_schema)
    active_bundles(Settings.read().models_dir)  # refused here in one line; a worker would only die of it
    listen(host, port, workers)


def listen(host: str, port: int, workers: int = 1) -> None:
    if workers == 1:
        _listen(host, port, workers)
        return
    with tempfile.TemporaryDirectory(prefix="stayline-metrics-") as shared:
        os.environ.setdefault(SHARED_METRICS, shared)
        _listen(host, port, workers)


def _listen(host: str, port: int, workers: int) -> None:
    try:
        uvicorn.run(
            "app.main:from_environment",
            factory=True,
            host=host,
            port=port,
            workers=workers,
            ws="none",
            access_log=False,  # the edge writes its own line, without what may identify a person
            log_config=None,
            server_header=False,
            proxy_headers=False,  # nothing here depends on who is at the other end of the line
            timeout_keep_alive=IDLE_SECONDS,
            timeout_graceful_shutdown=GRACE_SECONDS,
            timeout_worker_healthcheck=STARTED_WITHIN_SECONDS,
        )
    except SystemExit as ended:  # uvicorn has codes of its own
        raise SystemExit(1 if ended.code else 0) from None


async def _require_schema(store: Opened) -> None:
    # A store that is away is no reason to stay away too: scoring works without it, and readiness tells.
    found = await look_at_store(store.sessions)
    if found.state == "old_schema":
        raise SchemaTooOld("the database's schema is missing or too old: run `stayline migrate`")
    if found.risks:
        tell("store_may_lose_what_it_confirmed", level=logging.WARNING, off=found.risks)


def register(cli: typer.Typer) -> None:
    cli.command("serve")(serve)
