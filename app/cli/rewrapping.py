"""rewrap: what was sealed under an earlier master key, sealed anew under the first."""

import typer

from app.cli import opened
from app.cli.opened import Opened
from app.cli.progress import bar
from app.services import rewraps


def rewrap() -> None:
    """Seal every data key under the first of STAYLINE_MASTER_KEYS. It may be stopped, and goes on where it was.

    First give all services the new key before the others, and restart them.
    """
    changed, answers = opened.run(_rewrap)
    typer.echo(f"{changed} data keys sealed anew")
    if answers:
        typer.echo(f"{answers} kept answers are still under an earlier key: it is needed until they have expired")
    typer.echo(
        "an earlier key is needed for as long as the logs it signed are to be verified: keep it, last in the list"
    )


async def _rewrap(store: Opened) -> tuple[int, int]:
    with bar("Sealing data keys anew") as show:
        changed = await rewraps.rewrap(store.sessions, store.vault, show)
    return changed, await rewraps.count_answers_of_other_keys(store.sessions, store.vault)


def register(cli: typer.Typer) -> None:
    cli.command("rewrap")(rewrap)
