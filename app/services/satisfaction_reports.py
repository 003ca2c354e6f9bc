"""How satisfied whom: means of one survey family, against targets, and what to ask next."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.expectations import Dimension
from app.domain.surveys import LOW_SHARE, Family, Role, sum_to_one, weighted_mean
from app.errors import Invalid
from app.services import surveys

# Each rating as a share of its scale, so that scales can be put together; families never are.
_ITEMS: Final = """
    SELECT r.id, r.touchpoint, r.role, r.agent_id, r.answered_at, a ->> 'item' AS item, a ->> 'dimension' AS dimension,
           coalesce(a ->> 'score', a ->> 'perceived')::float / r.scale_max AS share
    FROM survey_responses r CROSS JOIN LATERAL jsonb_array_elements(r.answers) a WHERE r.family = :family
"""
_OVERALL: Final = text(
    "SELECT count(*) AS responses, avg(score / scale_max) AS mean FROM survey_responses WHERE family = :family"
)
_BY_ITEM: Final = {
    column: text(
        f"SELECT {column} AS name, count(DISTINCT id) AS responses, avg(share) AS mean FROM ({_ITEMS}) i"  # noqa: S608  # columns of ours
        f" WHERE {column} IS NOT NULL GROUP BY 1 ORDER BY mean, name"
    )
    for column in ("item", "dimension", "touchpoint")
}
_BY_ROLE: Final = text("""
    SELECT role, count(*) AS responses, avg(score / scale_max) AS mean
    FROM survey_responses WHERE family = :family AND role IS NOT NULL AND score IS NOT NULL GROUP BY role ORDER BY role
""")
_OF_AGENT: Final = text("""
    SELECT count(*) AS responses, avg(score / scale_max) AS mean,
           avg((score <= CAST(:low AS float) * scale_max)::int)::float AS low_share,
           count(*) FILTER (WHERE answered_at >= :month) AS responses_this_month,
           avg(score / scale_max) FILTER (WHERE answered_at >= :month) AS mean_this_month
    FROM survey_responses WHERE family = :family AND agent_id = :agent_id AND score IS NOT NULL
""")
_WEAKEST: Final = text(f"""
    SELECT item, dimension, touchpoint, avg(share) AS external_mean, count(DISTINCT id) AS responses
    FROM ({_ITEMS}) i GROUP BY item, dimension, touchpoint ORDER BY external_mean, responses DESC, item LIMIT :size
""")  # noqa: S608  # a query of ours


class WeightsRefused(Invalid):
    """The weights do not sum to 1, or name no dimension."""


async def satisfaction(session: AsyncSession, family: Family, weights: str | None) -> dict[str, Any]:
    """Give the means of one family; `weights` such as `reliability:0.6,empathy:0.4` weigh the dimensions.

    Raises WeightsRefused where they do not sum to 1.
    """
    stated = None if weights is None else read_weights(weights)
    asked = {"family": family.value}
    overall = (await session.execute(_OVERALL, asked)).one()
    groups = {name: await _rows(session, query, asked) for name, query in _BY_ITEM.items()}
    return {
        "family": family,
        "responses": overall.responses,
        "mean": overall.mean,
        "weights": stated,
        "weighted": stated and _weighted(stated, groups["dimension"]),
        "dimensions": groups["dimension"],
        "items": groups["item"],
        "touchpoints": groups["touchpoint"],
        "roles": await _roles(session, family),
    }


def read_weights(given: str) -> dict[Dimension, float]:
    try:
        pairs = (part.partition(":") for part in given.split(","))
        weights = {Dimension(name.strip()): float(value) for name, _, value in pairs}
    except ValueError as error:
        raise WeightsRefused.at("/query/weights", "must be like reliability:0.6,empathy:0.4") from error
    if not sum_to_one(list(weights.values())):
        raise WeightsRefused.at("/query/weights", "must sum to 1")
    return weights


def _weighted(weights: Mapping[Dimension, float], dimensions: list[dict[str, Any]]) -> float | None:
    """The weighted mean, or None where a dimension that has a weight was never asked about."""
    means = {row["name"]: row["mean"] for row in dimensions}
    if any(name not in means for name, weight in weights.items() if weight):
        return None
    return weighted_mean([means.get(name, 0.0) for name in weights], list(weights.values()))


async def _roles(session: AsyncSession, family: Family) -> list[dict[str, Any]]:
    targets = {target.role: target.target for target in await surveys.list_targets(session) if target.family == family}
    rows = await _rows(session, _BY_ROLE, {"family": family.value})
    return [row | _against(row["mean"], targets.get(Role(row["role"]))) for row in rows]


def _against(mean: float, target: float | None) -> dict[str, Any]:
    if target is None:
        return {"target": None, "gap_to_target": None, "met": None}
    return {"target": target, "gap_to_target": mean - target, "met": mean >= target}


async def of_agent(session: AsyncSession, agent_id: str, family: Family, month: datetime) -> dict[str, Any]:
    """How those feel whom one agent served: in all, and since the month began."""
    asked = {"family": family.value, "agent_id": agent_id, "low": LOW_SHARE, "month": month}
    [row] = await _rows(session, _OF_AGENT, asked)
    return row | {"agent_id": agent_id, "family": family}


async def questionnaire(session: AsyncSession, size: int) -> list[dict[str, Any]]:
    """Draft the internal questionnaire: the items on which the external surveys rate us worst, the worst first."""
    rows = await _rows(session, _WEAKEST, {"family": Family.EXTERNAL.value, "size": size})
    return [row | {"question": _question(row)} for row in rows]


def _question(row: Mapping[str, Any]) -> str:
    about = row["item"].replace("_", " ").replace("-", " ")
    return f"From 1 to 10, how satisfied were you with “{about}” at {row['touchpoint'].replace('_', ' ')}?"


async def _rows(session: AsyncSession, query: Any, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in await session.execute(query, asked)]  # noqa: SLF001  # the documented way to a row's columns
