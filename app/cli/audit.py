"""audit: whether the decision log is what was written."""

from typing import Annotated

import typer

from app.cli import opened
from app.cli.opened import Opened
from app.cli.progress import bar
from app.db import at_leisure, transaction
from app.errors import Conflict
from app.services import chain
from app.services.chain import Finding, Verified

MOST_TOLD = 200
group = typer.Typer(no_args_is_help=True)


class LogTampered(Conflict):
    """The decision log is not what was written."""


@group.callback()
def audit() -> None:
    """Whether the decision log is what was written."""


@group.command()
def verify(
    head: Annotated[
        str, typer.Option("--head", help="A head noted earlier, POSITION:LINK: the chain must still run through it.")
    ] = "",
) -> None:
    """Check every decision's signature and its place in the chain; name what was flipped, deleted, inserted, moved.

    What is signed and waits to be linked is linked first.
    """
    found = opened.run(lambda store: _verify(store, head))
    for finding in found.findings[:MOST_TOLD]:
        typer.echo(_line(finding))
    if found.findings:
        raise LogTampered(f"the decision log was tampered with: {len(found.findings)} finding(s)")
    typer.echo(f"{found.linked} decisions linked, {found.waiting} waiting to be; all as they were written")
    typer.echo(f"head: {found.linked}:{found.head.hex()}")


async def _verify(store: Opened, head: str) -> Verified:
    await chain.extend(store.sessions, store.vault)
    with bar("Reading the decision log") as show:
        async with transaction(store.sessions) as session:
            await at_leisure(session)
            if head:
                await chain.require_head(session, head)
            return await chain.verify(session, store.vault, show)


def _line(finding: Finding) -> str:
    where = f"position {finding.position}" if finding.position else "not in the chain"
    return f"{finding.what}: {finding.decision_id or 'a decision of which nothing is left'} ({where})"


def register(cli: typer.Typer) -> None:
    cli.add_typer(group, name="audit")
