"""demo-setup: the part of `stayline demo` that comes before serving."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli import opened
from app.cli.opened import Opened
from app.demo import setup
from app.demo.home import IBM, Demo
from app.demo.operator.history import SIMULATED
from app.services import schema


def demo_setup(home: Path, base_url: str, data: Annotated[str, typer.Argument()] = IBM) -> None:
    """Make the database, the model, the subscribers and the keys of the demo, as far as they are missing."""
    opened.run(lambda store: _set_up(store, home, base_url, data))


async def _set_up(store: Opened, home: Path, base_url: str, data: str) -> None:
    demo = Demo(home, store.settings.database_url.get_secret_value(), data)
    setup.take_database(demo)
    setup.fill(demo, _say)
    await schema.fill_catalogues(store.sessions)
    await setup.live(demo, store.sessions, store.vault, store.settings, _say)
    told = await setup.describe(demo, store.sessions, base_url)
    lines = [
        f"Stayline serves at {base_url}  (console: {base_url}/console/, documentation: {base_url}/docs)",
        *(f"  {name:<8}{key}" for name, key in told["api_keys"].items()),
        *([SIMULATED] if demo.is_simulated else []),
        f"Also in {demo.description}, with {len(told['subscriber_ids'])} subscriber ids. Ctrl-C stops it all.",
    ]
    typer.echo("\n".join(lines))


def _say(step: str) -> None:
    typer.echo(f"· {step}")


def register(cli: typer.Typer) -> None:
    cli.command("demo-setup", hidden=True)(demo_setup)
