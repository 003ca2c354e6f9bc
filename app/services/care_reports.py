"""The pool as a cube, and how near the four goals of care are. Each report is one statement: one reading."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.campaigns import CampaignState
from app.domain.care_cases import CareStage, Times
from app.domain.care_goals import MEASURES, NOTICED_WITHIN, CareGoal, share
from app.domain.evaluations import CampaignVerdict
from app.services import complaints, surveys
from app.services.service_reports import Period, PeriodRefused

DIMENSIONS: Final = ("source", "brand", "region", "channel", "touchpoint", "times")
_NAMES: Final = ", ".join(DIMENSIONS)
# The store says by bits which dimensions a row leaves open: a cell none, the total all, a level all but one.
_CELL: Final = 0
_TOTAL: Final = 2 ** len(DIMENSIONS) - 1
_LEVELS: Final = {name: _TOTAL ^ 1 << place for place, name in enumerate(reversed(DIMENSIONS))}
# The evidence is in the order of time: what comes first brought them in.
_POOL: Final = text(f"""
    WITH pool AS (
        SELECT k.evidence -> 0 ->> 'source' AS source, s.brand, s.region,
               coalesce(c.channel, r.channel) AS channel, coalesce(c.touchpoint, r.touchpoint) AS touchpoint,
               CASE WHEN jsonb_array_length(k.evidence) < 4 THEN jsonb_array_length(k.evidence)::text
                    ELSE '{Times.OFTEN}' END AS times
        FROM care_cases k JOIN subscribers s ON s.subscriber_id = k.subscriber_id
        LEFT JOIN complaints c ON k.evidence -> 0 ->> 'source' = '{complaints.NOUN}'
            AND c.subscriber_id = k.subscriber_id AND c.id = CAST(k.evidence -> 0 ->> 'id' AS uuid)
        LEFT JOIN survey_responses r ON k.evidence -> 0 ->> 'source' = '{surveys.NOUN}'
            AND r.id = CAST(k.evidence -> 0 ->> 'id' AS uuid)
        WHERE (k.closed_at IS NULL) = CAST(:open AS boolean)
        AND (CAST(:since AS timestamptz) IS NULL OR k.opened_at >= :since)
        AND (CAST(:until AS timestamptz) IS NULL OR k.opened_at < :until)
    ), counted AS (
        SELECT {_NAMES}, grouping({_NAMES}) AS left_open, count(*) AS cases FROM pool
        WHERE {" AND ".join(f"(CAST(:{name} AS text) IS NULL OR {name} = :{name})" for name in DIMENSIONS)}
        GROUP BY GROUPING SETS ((), {", ".join(f"({name})" for name in DIMENSIONS)}, ({_NAMES}))
    ), ranked AS (
        SELECT *, row_number() OVER (PARTITION BY left_open ORDER BY cases DESC, {_NAMES}) AS place,
               count(*) OVER (PARTITION BY left_open) AS rows FROM counted
    )
    SELECT {_NAMES}, cases, left_open, rows FROM ranked
    WHERE left_open <> {_CELL} OR CAST(:limit AS integer) IS NULL OR place <= :limit ORDER BY left_open, place
""")  # noqa: S608  # only our own names are written into it
_GOALS: Final = text(f"""
    WITH facts (goal, at, is_reached) AS (
        SELECT '{CareGoal.ROUTINE_MONITORING}', answered_at, recorded_at <= answered_at + CAST(:noticed AS interval)
        FROM survey_responses WHERE dissatisfied AND subscriber_id IS NOT NULL
        UNION ALL
        SELECT '{CareGoal.ROUTINE_MONITORING}', occurred_at, created_at <= occurred_at + CAST(:noticed AS interval)
        FROM complaints
        UNION ALL
        SELECT '{CareGoal.REFINED_MANAGEMENT}', opened_at, stage <> '{CareStage.LOCATED}' FROM care_cases
        UNION ALL
        SELECT '{CareGoal.STANDARDISED_CARE}', opened_at, stage = '{CareStage.EVALUATED}' FROM care_cases
        UNION ALL
        SELECT '{CareGoal.SHARED_KNOWLEDGE}', ended_at,
               coalesce(result ->> 'verdict' <> '{CampaignVerdict.NOT_ENOUGH_DATA}', false)
        FROM campaigns WHERE state = '{CampaignState.ENDED}'
    )
    SELECT goal, at >= CAST(:since AS timestamptz) AS is_now, count(*) FILTER (WHERE is_reached) AS part,
           count(*) AS whole
    FROM facts WHERE at >= CAST(:before AS timestamptz) AND at < CAST(:until AS timestamptz) GROUP BY 1, 2
""")  # noqa: S608  # only our own words are written into it


@dataclass(frozen=True, slots=True)
class Slice:
    """Which part of the pool: open cases or closed ones, opened when, with which levels of some dimensions."""

    is_open: bool
    since: datetime | None
    until: datetime | None
    levels: Mapping[str, str | None]

    def __post_init__(self) -> None:
        if self.since and self.until and self.until <= self.since:
            raise PeriodRefused.at("/query/until", "must be later than since")


async def pool(session: AsyncSession, asked: Slice, limit: int | None) -> dict[str, Any]:
    """Count the cases by all dimensions at once, and by each alone; at most so many cells, the most populous first."""
    given = {"open": asked.is_open, "since": asked.since, "until": asked.until, "limit": limit, **asked.levels}
    rows = (await session.execute(_POOL, given)).all()
    cells = [row for row in rows if row.left_open == _CELL]
    return {
        "total": sum(row.cases for row in rows if row.left_open == _TOTAL),
        "marginals": {name: list(_levels(rows, name)) for name in DIMENSIONS},
        "cells": cells[0].rows if cells else 0,
        "items": [{name: getattr(cell, name) for name in (*DIMENSIONS, "cases")} for cell in cells],
    }


def _levels(rows: Iterable[Row[Any]], name: str) -> Iterable[dict[str, Any]]:
    for row in rows:
        if row.left_open == _LEVELS[name]:
            yield {"level": getattr(row, name), "cases": row.cases}


async def care_goals(session: AsyncSession, period: Period) -> dict[str, Any]:
    """Tell how near each goal was in a period, and in the equally long one before it."""
    before = period.since - (period.until - period.since)
    given = period.asked | {"before": before, "noticed": NOTICED_WITHIN}
    found = {(row.goal, row.is_now): (row.part, row.whole) for row in await session.execute(_GOALS, given)}
    return {**period.asked, "items": [_goal(found, goal) for goal in CareGoal]}


def _goal(found: Mapping[tuple[str, bool], tuple[int, int]], goal: CareGoal) -> dict[str, Any]:
    now, before = (found.get((goal.value, is_now), (0, 0)) for is_now in (True, False))
    return {
        "goal": goal,
        "measure": MEASURES[goal],
        "part": now[0],
        "whole": now[1],
        "share": share(*now),
        "share_before": share(*before),
    }
