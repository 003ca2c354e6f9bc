"""migrate: the database's schema, brought up to date."""

import typer

from app.cli import opened
from app.services import schema
from app.settings import Settings


def migrate() -> None:
    """Bring the database's schema up to date and add what is missing of the shipped catalogues."""
    schema.upgrade(Settings.read().database_url.get_secret_value())
    added = opened.run(lambda store: schema.fill_catalogues(store.sessions))
    typer.echo(f"schema up to date; {added} catalogue entries added")


def register(cli: typer.Typer) -> None:
    cli.command("migrate")(migrate)
