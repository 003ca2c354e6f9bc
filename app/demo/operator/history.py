"""What the simulated operator's service knows of the past: its actions, and the trial as a campaign that has ended."""

import json
from datetime import UTC, date, datetime, time, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pyarrow.parquet as pq
import yaml
from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import Sessions, transaction
from app.demo.operator.mechanisms import ARMS, CONTROL, HORIZON_DAYS, HORIZON_MONTHS
from app.demo.operator.tables import World
from app.domain.access import Caller
from app.domain.campaigns import HOLDOUT, CampaignState
from app.models import Campaign, CampaignMember, Subscriber
from app.models.base import new_id
from app.schemas.actions import ActionWrite
from app.services import actions

SIMULATED: Final = "The data is simulated: a made-up operator, and nothing in it is about real people."
_LEFT: Final = text("""
    UPDATE profile_versions v SET since = t.left_on
    FROM unnest(CAST(:ids AS text[]), CAST(:times AS timestamptz[])) AS t (subscriber_id, left_on)
    WHERE v.subscriber_id = t.subscriber_id
""")


async def tell(sessions: Sessions, world: Path, caller: Caller, at: datetime) -> None:
    """Put in force what the operator may do, and record its trial as the campaign it was."""
    said = yaml.safe_load((files("app") / "demo" / "operator" / "actions.yaml").read_text(encoding="utf-8"))
    async with transaction(sessions) as session:
        for code, action in said.items():
            await actions.put_action(session, caller, code, ActionWrite.model_validate(action), at)
        await _record_trial(session, world, caller, at)


def ids_of(world: Path) -> set[str]:
    """Those who are still subscribers, and in no group: whether a model was trained on them hangs on their id alone."""
    profiles = pq.read_table(world / "profiles.parquet", columns=["subscriber_id", "status", "in_group"]).to_pylist()
    return {row["subscriber_id"] for row in profiles if row["status"] == "active" and not row["in_group"]}


def ends(world: Path) -> date:
    """The day the profiles speak of: the last of the trial's horizon."""
    told = json.loads((world / "world.json").read_text())
    month = told["months"] + HORIZON_MONTHS
    return World(months=told["months"], until=date.fromisoformat(told["until"])).ends(month)


async def _record_trial(session: AsyncSession, world: Path, caller: Caller, at: datetime) -> None:
    log = pq.read_table(world / "trial.parquet", columns=["subscriber_id", "arm", "treated_on", "left_on"]).to_pylist()
    begun = _noon(log[0]["treated_on"])
    pseudonyms: dict[str, UUID] = dict(
        (await session.execute(select(Subscriber.subscriber_id, Subscriber.pseudonym))).all()
    )
    chances = json.loads((world / "world.json").read_text())["propensities"]
    campaign = Campaign(
        id=new_id(),
        name="Trial of four actions (simulated)",
        owner="retention",
        goal="Learn which action keeps whom",
        least_effect=None,
        segment={},
        # A repair is never withheld in earnest: this trial is a simulated one, and told as it was.
        actions=[arm for arm in ARMS if arm != CONTROL],
        holdout_share=chances[CONTROL],
        starts_on=begun.date(),
        ends_on=begun.date() + timedelta(days=20),
        horizon_days=HORIZON_DAYS,
        state=CampaignState.ENDED.value,
        enrolled=len(log),
        overlapping=0,
        started_at=begun,
        ended_at=begun + timedelta(days=20),
        version=1,
        created_at=begun,
        updated_at=at,
        caller_id=caller.id,
    )
    session.add(campaign)
    await session.flush()
    await session.execute(insert(CampaignMember), [_member(campaign, row, pseudonyms, chances, begun) for row in log])
    left = [row for row in log if row["left_on"]]
    times = {"ids": [row["subscriber_id"] for row in left], "times": [_noon(row["left_on"]) for row in left]}
    await session.execute(_LEFT, times)


def _member(
    campaign: Campaign, row: dict[str, Any], pseudonyms: dict[str, UUID], chances: dict[str, float], at: datetime
) -> dict[str, Any]:
    return {
        "campaign_id": campaign.id,
        "pseudonym": pseudonyms[row["subscriber_id"]],
        "arm": HOLDOUT if row["arm"] == CONTROL else row["arm"],
        "propensity": chances[row["arm"]],
        "enrolled_at": at,
    }


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12), UTC)
