"""campaigns: what a campaign brought, drawn; and what it taught, as a log to learn from."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from app.cli import opened
from app.cli.campaign_page import page
from app.cli.opened import Opened
from app.db import transaction
from app.errors import Invalid
from app.ml.files import write_atomically
from app.models import Campaign
from app.services import campaigns, evaluations, training_logs
from app.services.evaluations import Evaluating

group = typer.Typer(no_args_is_help=True)
CampaignId = Annotated[UUID, typer.Argument(metavar="CAMPAIGN", help="The campaign's id.")]


class OutRefused(Invalid):
    """It cannot be written there."""


@group.callback()
def about() -> None:
    """What a campaign brought, and what it taught."""


@group.command()
def report(
    campaign: CampaignId, out: Annotated[Path, typer.Option(help="An .html file: the campaign, drawn.")]
) -> None:
    """Draw what a campaign brought against its holdout, on one page that needs nothing but itself."""
    if out.suffix != ".html":
        raise OutRefused(f"--out {out} is not an .html file")
    found, evaluation = opened.run(lambda store: _evaluated(store, campaign))
    out.write_text(page(found, evaluation), encoding="utf-8")
    typer.echo(f"{evaluation['verdict'].value}: drawn in {out}")


@group.command()
def log(campaign: CampaignId, out: Annotated[Path, typer.Option(help="A .parquet file: a row a member.")]) -> None:
    """Write a campaign's log: arm, propensities, the features known at the start, and who left. `learn` reads it."""
    if out.suffix != ".parquet":
        raise OutRefused(f"--out {out} is not a .parquet file")
    chances, count = opened.run(lambda store: _written(store, campaign, out))
    mapping = out.with_suffix(".yaml")
    columns = [*(f"p_{arm}" for arm in chances), "given_on", "left_on"]
    mapping.write_text(
        "# Reads the log of a campaign for `stayline learn`.\n"
        f"id: subscriber_id\ngroup: group_id\neverything_else: infer\nignore: [{', '.join(columns)}]\n",
        encoding="utf-8",
    )
    options = " ".join(f"--propensity {arm}=p_{arm}" for arm in chances)
    typer.echo(f"{count} members whose outcome is known are in {out}. To learn from them:")
    typer.echo(
        f"stayline learn {out} --mapping {mapping} --out MODELS --arm arm --control holdout"
        f" --target left --positive yes --given-on given_on --became-on left_on {options}"
    )


async def _evaluated(store: Opened, campaign_id: UUID) -> tuple[Campaign, dict[str, Any]]:
    async with transaction(store.sessions) as session:
        campaign = await campaigns.get_campaign(session, campaign_id)
        evaluating = Evaluating(session, store.settings, campaign, datetime.now(UTC))
        return campaign, await evaluations.evaluate(evaluating)


async def _written(store: Opened, campaign_id: UUID, out: Path) -> tuple[dict[str, float], int]:
    """Write the log, which appears whole at the end or not at all."""
    import pyarrow as pa  # noqa: PLC0415  # only this command needs it
    from pyarrow import parquet  # noqa: PLC0415  # as above

    async with transaction(store.sessions) as session:
        campaign = await campaigns.get_campaign(session, campaign_id)
        found = [row async for row in training_logs.rows(session, campaign, datetime.now(UTC))]
        chances = training_logs.propensities(campaign)
    if not found:
        raise training_logs.NothingToLearn("no member's horizon is over yet: there is nothing to learn")
    sink = pa.BufferOutputStream()
    parquet.write_table(pa.Table.from_pylist(found), sink)
    write_atomically(out, sink.getvalue().to_pybytes())
    return chances, len(found)


def register(cli: typer.Typer) -> None:
    cli.add_typer(group, name="campaigns", help="Campaigns: what one brought, drawn; what it taught, to learn from.")
