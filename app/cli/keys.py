"""keys: who may call."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from app.cli import opened
from app.cli.opened import Opened
from app.db import transaction
from app.models import ApiKey
from app.services import access

_COLUMNS: Final = ("prefix", "name", "agent", "regions", "scopes", "created", "expires", "revoked", "last used")
group = typer.Typer(no_args_is_help=True)


@group.command()
def create(
    name: Annotated[str, typer.Argument(help="Whose key it is.")],
    scope: Annotated[list[str], typer.Option(help="What it may do, such as scores:read; give it several times.")],
    agent: Annotated[str | None, typer.Option(help="The one agent it speaks for.")] = None,
    region: Annotated[
        list[str] | None, typer.Option(help="A region whose subscribers it may see; all if none is given.")
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=1, max=36_500, help="Days it is valid; for ever if not given.")
    ] = None,
) -> None:
    """Make a key and print it: it is never shown again."""
    at = datetime.now(UTC)
    bounds = {"agent_id": agent, "regions": region or None, "expires_at": access.expiry(at, days)}
    typer.echo(opened.run(lambda store: _create(store, name=name, scopes=scope, at=at, **bounds)))


async def _create(store: Opened, **what: Any) -> str:
    async with transaction(store.sessions) as session:
        return await access.create_key(session, **what)


@group.command("list")
def list_keys() -> None:
    """List keys by their prefix."""
    shown = Table(*_COLUMNS, box=None)
    for row in opened.run(_list):
        shown.add_row(*map(escape, row))
    Console(width=240).print(shown)


async def _list(store: Opened) -> list[tuple[str, ...]]:
    async with transaction(store.sessions) as session:
        return [_row(key) for key in await access.list_keys(session)]


def _row(key: ApiKey) -> tuple[str, ...]:
    times = (key.created_at, key.expires_at, key.revoked_at, key.last_used_at)
    told = (f"{time:%Y-%m-%d %H:%M}" if time else "" for time in times)
    return (key.prefix, key.name, key.agent_id or "", ", ".join(key.regions or []), " ".join(key.scopes), *told)


@group.command()
def replace(
    prefix: Annotated[str, typer.Argument(help="The first 11 characters of the key that is replaced.")],
    hours: Annotated[int, typer.Option(min=0, max=24 * 90, help="How long that one is taken beside the new one.")] = 24,
) -> None:
    """Give a caller a new key and print it; it is never shown again. What the caller wrote stays its own."""
    typer.echo(opened.run(lambda store: _replace(store, prefix, timedelta(hours=hours))))


async def _replace(store: Opened, prefix: str, overlap: timedelta) -> str:
    async with transaction(store.sessions) as session:
        return await access.replace_key(session, prefix, datetime.now(UTC), overlap)


@group.command()
def revoke(prefix: Annotated[str, typer.Argument(help="The key's first 11 characters.")]) -> None:
    """Revoke a key; services that know it stop taking it within a minute."""
    name = opened.run(lambda store: _revoke(store, prefix))
    typer.echo(f"the key of {name} is revoked")


async def _revoke(store: Opened, prefix: str) -> str:
    async with transaction(store.sessions) as session:
        return (await access.revoke_key(session, prefix, datetime.now(UTC))).name


def register(cli: typer.Typer) -> None:
    cli.add_typer(group, name="keys", help="API keys: make, list, replace, revoke.")
