"""simulate-policy: what changed rules would do to the stored base, before they are published."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from app.cli import opened
from app.cli.opened import Opened
from app.cli.policy_page import Figure, figures, page
from app.cli.progress import bar
from app.db import create_engine, create_readers
from app.domain.interactions import Channel, Direction
from app.errors import Invalid
from app.ml.active import ActiveBundles
from app.services import policies, policy_trials
from app.services.decision_contexts import Deciding
from app.services.policy_trials import NOBODY, Trial, Tried

MOST_MOVES = 12


class ChangeRefused(Invalid):
    """The changed rules cannot be used."""


def simulate_policy(
    changes: Annotated[Path, typer.Argument(help="YAML: `rules` to change, and `actions` by code (null: without it).")],
    channel: Annotated[Channel, typer.Option(help="Where we would speak to people.")] = Channel.CALL,
    direction: Annotated[Direction, typer.Option(help="Who would begin.")] = Direction.OUTBOUND,
    sample: Annotated[int, typer.Option(min=1, help="Decide about so many at most.")] = 1_000_000_000,
    out: Annotated[Path | None, typer.Option(help="An .html file: the same, drawn.")] = None,
) -> None:
    """Decide about everybody who is active by the rules in force and by changed ones; nothing is recorded."""
    if out and out.suffix != ".html":
        raise ChangeRefused(f"--out {out} is not an .html file")
    said = _read(changes)
    tried = Tried(channel, direction, sample)
    trial = opened.run(lambda store: _run(store, said, tried))
    _show(trial)
    if out:
        out.write_text(page(trial, tried), encoding="utf-8")
        typer.echo(f"drawn: {out}")


def _read(path: Path) -> dict[str, Any]:
    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ChangeRefused(f"{path} is not YAML") from error
    if not isinstance(said, dict):
        raise ChangeRefused(f"{path} holds no change: write rules: and actions:")
    return said


async def _run(store: Opened, said: dict[str, Any], tried: Tried) -> Trial:
    settings = store.settings
    engine = create_engine(settings)
    bundles = ActiveBundles(settings.models_dir)
    async with create_readers(engine)() as session:
        published = await policies.current(session)
        try:
            document = policy_trials.changed_document(published.document, said)
            then = policies.compile_document(document, settings.language, policies.version_of(document))
        except (ValidationError, ValueError) as error:
            raise ChangeRefused(_sentence(error)) from None
        deciding = Deciding(session, bundles, settings, store.vault, datetime.now(UTC), NOBODY)
        with bar("Deciding twice about everybody") as show:
            trial = await policy_trials.run(deciding, then, tried, show)
    await engine.dispose()
    return trial


def _sentence(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {str(first['msg']).removeprefix('Value error, ')}"
    return str(error).splitlines()[0]


def _show(trial: Trial) -> None:
    console = Console(width=110)
    table = Table("", "in force", "changed", "difference", box=None)
    for figure in figures(trial):
        table.add_row(*_cells(figure))
    console.print(table)
    moves = Table("from", "to", "subscribers", box=None)
    moved = trial.moved()
    for (before, after), count in moved[:MOST_MOVES]:
        moves.add_row(before, after, f"{count:,}")
    console.print(moves if moved else "nobody would get another action")


def _cells(figure: Figure) -> tuple[str, str, str, str]:
    difference = figure.then - figure.now
    return figure.name, figure.written(figure.now), figure.written(figure.then), f"{difference:+,.{figure.digits}f}"


def register(cli: typer.Typer) -> None:
    cli.command("simulate-policy")(simulate_policy)
