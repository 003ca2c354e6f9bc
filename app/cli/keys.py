"""keys: who may call."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from app.cli import opened
from app.cli.opened import Opened
from app.db import transaction
from app.models import ApiKey
from app.services import access

group = typer.Typer(no_args_is_help=True)


@group.command()
def create(
    name: Annotated[str, typer.Argument(help="Whose key it is.")],
    scope: Annotated[list[str], typer.Option(help="What it may do, such as scores:read; give it several times.")],
    agent: Annotated[str | None, typer.Option(help="The one agent it speaks for.")] = None,
    days: Annotated[
        int | None, typer.Option(min=1, max=36_500, help="Days it is valid; for ever if not given.")
    ] = None,
) -> None:
    """Make a key and print it: it is never shown again."""
    typer.echo(opened.run(lambda store: _create(store, name, scope, agent, days)))


async def _create(store: Opened, name: str, scopes: list[str], agent: str | None, days: int | None) -> str:
    at = datetime.now(UTC)
    async with transaction(store.sessions) as session:
        return await access.create_key(
            session, name=name, scopes=scopes, at=at, agent_id=agent, expires_at=access.expiry(at, days)
        )


@group.command("list")
def list_keys() -> None:
    """List keys by their prefix."""
    shown = Table("prefix", "name", "agent", "scopes", "created", "expires", "revoked", box=None)
    for row in opened.run(_list):
        shown.add_row(*map(escape, row))
    Console(width=200).print(shown)


async def _list(store: Opened) -> list[tuple[str, ...]]:
    async with transaction(store.sessions) as session:
        return [_row(key) for key in await access.list_keys(session)]


def _row(key: ApiKey) -> tuple[str, ...]:
    times = (f"{time:%Y-%m-%d %H:%M}" if time else "" for time in (key.created_at, key.expires_at, key.revoked_at))
    return (key.prefix, key.name, key.agent_id or "", " ".join(key.scopes), *times)


@group.command()
def revoke(prefix: Annotated[str, typer.Argument(help="The key's first 11 characters.")]) -> None:
    """Revoke a key; services that know it stop taking it within a minute."""
    name = opened.run(lambda store: _revoke(store, prefix))
    typer.echo(f"the key of {name} is revoked")


async def _revoke(store: Opened, prefix: str) -> str:
    async with transaction(store.sessions) as session:
        return (await access.revoke_key(session, prefix, datetime.now(UTC))).name


def register(cli: typer.Typer) -> None:
    cli.add_typer(group, name="keys", help="API keys: make, list, revoke.")
