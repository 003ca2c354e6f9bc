"""What a campaign taught, row by row: who was given which arm with what probability, known as what, and what became."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import at_leisure
from app.domain.campaigns import shares
from app.errors import Conflict
from app.models import Campaign
from app.services.evaluation_facts import LEFT_AT

BATCH: Final = 5000
# The newest snapshot that was known when somebody was enrolled: a later one may tell what became of them.
_ROWS: Final = text(f"""
    SELECT s.subscriber_id, s.group_id, m.enrolled_at, m.arm, f.features, {LEFT_AT} AS left_at
    FROM campaign_members m JOIN subscribers s USING (pseudonym)
    LEFT JOIN LATERAL (
        SELECT features FROM feature_snapshots
        WHERE subscriber_id = s.subscriber_id AND as_of <= m.enrolled_at::date ORDER BY as_of DESC LIMIT 1
    ) f ON true
    WHERE m.campaign_id = CAST(:id AS uuid)
    AND m.enrolled_at + make_interval(days => CAST(:horizon AS int)) <= CAST(:at AS timestamptz)
    ORDER BY s.subscriber_id
""")  # noqa: S608  # only our own words


class NothingToLearn(Conflict):
    """The campaign has nothing to compare yet."""


def propensities(campaign: Campaign) -> dict[str, float]:
    """How likely each arm was. Raises NothingToLearn for a campaign without a holdout."""
    if not campaign.holdout_share:
        raise NothingToLearn("the campaign has no holdout: there is nothing to compare it with")
    return {one.arm: one.propensity for one in shares(campaign.actions, campaign.holdout_share)}


async def rows(session: AsyncSession, campaign: Campaign, at: datetime) -> AsyncIterator[dict[str, Any]]:
    """Stream a row for each member whose horizon is over. Whoever was erased is in none."""
    chances = propensities(campaign)
    names = (await session.scalars(text("SELECT name FROM features ORDER BY name"))).all()
    await at_leisure(session)
    asked = {"id": campaign.id, "horizon": campaign.horizon_days, "at": at}
    stream = await session.stream(_ROWS, asked, execution_options={"yield_per": BATCH})
    async for row in stream:
        features = row.features or {}
        left_on = row.left_at if row.left_at and (row.left_at - row.enrolled_at).days < campaign.horizon_days else None
        yield {
            "subscriber_id": row.subscriber_id,
            "group_id": row.group_id,
            "given_on": row.enrolled_at.date(),
            "arm": row.arm,
            **{f"p_{arm}": chance for arm, chance in chances.items()},
            "left": "yes" if left_on else "no",
            "left_on": left_on and left_on.date(),
            **{name: features.get(name) for name in names},
        }
