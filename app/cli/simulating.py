"""simulate: a made-up operator whose truth is known."""

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from app.cli.progress import bar
from app.demo.operator.tables import World, simulate

DEFAULT = World()


def simulate_(
    out: Annotated[Path, typer.Option(help="The folder to write to.")],
    subscribers: Annotated[int, typer.Option(min=1)] = DEFAULT.subscribers,
    months: Annotated[int, typer.Option(help="Months observed before the trial.", max=120)] = DEFAULT.months,
    seed: Annotated[int, typer.Option(min=0, help="The same seed makes the same world.")] = DEFAULT.seed,
    until: Annotated[str, typer.Option(help="A day of the last month.")] = DEFAULT.until.isoformat(),
    explored: Annotated[float, typer.Option(help="The share the trial treats, each arm alike.")] = DEFAULT.explored,
) -> None:
    """Simulate an operator: months of data, a campaign, a randomised trial, and the truth in a file of its own."""
    try:
        world = World(subscribers, months, seed, date.fromisoformat(until), explored)
    except ValueError:
        raise typer.BadParameter("--until is a day like 2026-06-30") from None
    with bar("Simulating") as progress:
        simulate(world, out, progress)
    typer.echo(f"A simulated world of {subscribers:,} subscribers is in {out}")


def register(cli: typer.Typer) -> None:
    cli.command("simulate")(simulate_)
