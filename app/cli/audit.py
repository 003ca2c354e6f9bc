"""audit: whether the logs of decisions and of accesses are what was written."""

from collections.abc import Mapping
from typing import Annotated, Final

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


_LOGS: Final = {"decisions": chain.DECISIONS, "accesses": chain.ACCESSES}


class LogTampered(Conflict):
    """A log is not what was written."""


@group.callback()
def audit() -> None:
    """Whether the logs of decisions and of accesses are what was written."""


@group.command()
def verify(
    head: Annotated[
        str, typer.Option("--head", help="A decision log's head noted earlier: the chain must still run through it.")
    ] = "",
    access_head: Annotated[str, typer.Option("--access-head", help="The same of the access log.")] = "",
) -> None:
    """Check each row's signature and its place in the chain; name what was flipped, deleted, inserted, moved.

    What is signed and waits to be linked is linked first. A head is written POSITION:LINK.
    """
    heads = {"decisions": head, "accesses": access_head}
    found = opened.run(lambda store: _verify(store, heads))
    for log, each in found.items():
        _tell(log, each)
    if tampered := [
        f"{len(each.findings)} finding(s) in the log of {log}" for log, each in found.items() if each.findings
    ]:
        raise LogTampered(f"tampered with: {', '.join(tampered)}")


def _tell(log: str, found: Verified) -> None:
    for finding in found.findings[:MOST_TOLD]:
        typer.echo(_line(log, finding))
    if not found.findings:
        typer.echo(f"{found.linked} {log} linked, {found.waiting} waiting to be; all as they were written")
        typer.echo(f"head of {log}: {found.linked}:{found.head.hex()}")


async def _verify(store: Opened, heads: Mapping[str, str]) -> dict[str, Verified]:
    return {log: await _verify_one(store, log, heads[log]) for log in _LOGS}


async def _verify_one(store: Opened, log: str, head: str) -> Verified:
    await chain.extend(_LOGS[log], store.sessions, store.vault)
    with bar(f"Reading the log of {log}") as show:
        async with transaction(store.sessions) as session:
            await at_leisure(session)
            if head:
                await chain.require_head(_LOGS[log], session, head)
            return await chain.verify(_LOGS[log], session, store.vault, show)


def _line(log: str, finding: Finding) -> str:
    where = f"position {finding.position}" if finding.position else "not in the chain"
    return f"{finding.what}: {finding.row_id or f'one of the {log}, of which nothing is left'} ({where})"


def register(cli: typer.Typer) -> None:
    cli.add_typer(group, name="audit")
