"""What the members' snapshots tell of each group: now, and a month before."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.warnings import LEAST_MEMBERS, MONTH_DAYS, Reading, Signal
from app.services.ledger import number_sql, revenue_sql
from app.settings import Settings

# What the signals are read from, by the names they have in the statement.
_READ_FROM: Final = {
    "forwards": "call_forward_m0",
    "forwards_2": "call_forward_m2",
    "forwards_3": "call_forward_m3",
    "offnet": "offnet_onnet_ratio",
}
# Of each figure only the members who have it in both months; who left already would look like a smaller bill.
_READ: Final = """
    WITH told AS (
        SELECT s.group_id, latest.*, ago.revenue AS revenue_before, ago.offnet AS offnet_before
        FROM subscribers s
        LEFT JOIN LATERAL (
            SELECT f.as_of, {revenue} AS revenue, {forwards} AS forwards,
                   ({forwards_2} + {forwards_3}) / 2 AS forwards_before, {offnet} AS offnet
            FROM feature_snapshots f WHERE f.subscriber_id = s.subscriber_id ORDER BY f.as_of DESC LIMIT 1
        ) latest ON true
        LEFT JOIN LATERAL (
            SELECT {revenue} AS revenue, {offnet} AS offnet FROM feature_snapshots f
            WHERE f.subscriber_id = s.subscriber_id AND f.as_of <= latest.as_of - CAST(:month_days AS integer)
            ORDER BY f.as_of DESC LIMIT 1
        ) ago ON true
        WHERE s.group_id IS NOT NULL AND s.merged_into IS NULL AND s.status <> 'churned'
        AND (CAST(:group_id AS text) IS NULL OR s.group_id = CAST(:group_id AS text))
    )
    SELECT group_id, g.owner, count(*) AS members, max(as_of) AS as_of, sum(revenue) AS revenue,
           avg(forwards_before) FILTER (WHERE forwards IS NOT NULL) AS forwarding_before,
           avg(forwards) FILTER (WHERE forwards_before IS NOT NULL) AS forwarding,
           avg(revenue_before) FILTER (WHERE revenue IS NOT NULL) AS bill_before,
           avg(revenue) FILTER (WHERE revenue_before IS NOT NULL) AS bill,
           avg(offnet_before) FILTER (WHERE offnet IS NOT NULL) AS offnet_before,
           avg(offnet) FILTER (WHERE offnet_before IS NOT NULL) AS offnet
    FROM told JOIN groups g USING (group_id) GROUP BY group_id, g.owner
    HAVING count(*) FILTER (
        WHERE forwards_before IS NOT NULL AND offnet_before IS NOT NULL AND revenue_before IS NOT NULL
    ) >= :least
"""


@dataclass(frozen=True, slots=True)
class GroupFigures:
    """What is read of one group: its owner, its members, its revenue a month, and each signal that can be told."""

    group_id: str
    owner: str | None
    members: int
    revenue: Decimal | None
    as_of: date | None
    readings: dict[Signal, Reading]


async def read_groups(session: AsyncSession, settings: Settings) -> AsyncIterator[GroupFigures]:
    """Read the groups of which enough members are known in both months for an average to say something."""
    rows = await session.stream(*_question(settings, None, LEAST_MEMBERS))
    async for row in rows:
        yield _figures(row)


async def read_group(session: AsyncSession, settings: Settings, group_id: str) -> GroupFigures | None:
    """Read one group, of however few only how many they are; None where it has no members."""
    row = (await session.execute(*_question(settings, group_id, 0))).first()
    return None if row is None else _figures(row)


def _question(settings: Settings, group_id: str | None, least: int) -> tuple[Any, dict[str, Any]]:
    revenue, names = revenue_sql(settings)
    query = _READ.format(revenue=revenue, **{name: number_sql(name) for name in _READ_FROM})
    return text(query), {"month_days": MONTH_DAYS, "group_id": group_id, "least": least, **names, **_READ_FROM}


def _figures(row: Any) -> GroupFigures:
    if row.members < LEAST_MEMBERS:  # what is told of so few is told of each, and would outlive their erasure
        return GroupFigures(row.group_id, row.owner, row.members, None, row.as_of, {})
    known = {signal: (getattr(row, f"{signal}_before"), getattr(row, signal)) for signal in Signal}
    readings = {
        signal: Reading(float(before), float(after))
        for signal, (before, after) in known.items()
        if before is not None and after is not None
    }
    return GroupFigures(row.group_id, row.owner, row.members, row.revenue, row.as_of, readings)
