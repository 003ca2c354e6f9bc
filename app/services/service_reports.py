"""How well promises are kept: callbacks, complaints by owner and team, orders that could not be taken."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import DateTime, TextClause, bindparam, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.care_goals import share
from app.domain.complaints import PING_PONG_TRANSFERS
from app.errors import Invalid

_COUNTS: Final = ("due", "made_in_time", "made_late", "overdue", "pending")


def _query(sql: str) -> TextClause:
    return text(sql).bindparams(*(bindparam(name, type_=DateTime(timezone=True)) for name in ("since", "until")))


_CALLBACKS: Final = _query("""
    SELECT about, count(*) AS due,
           count(*) FILTER (WHERE status = 'done' AND completed_at <= due_at) AS made_in_time,
           count(*) FILTER (WHERE status = 'done' AND completed_at > due_at) AS made_late,
           count(*) FILTER (WHERE status = 'open' AND due_at < CAST(:at AS timestamptz)) AS overdue,
           count(*) FILTER (WHERE status = 'open' AND due_at >= CAST(:at AS timestamptz)) AS pending
    FROM tasks WHERE kind = 'callback' AND status <> 'cancelled' AND due_at >= :since AND due_at < :until
    GROUP BY about ORDER BY due DESC, about
""")
_CALLBACK_SCORE: Final = _query("""
    SELECT avg(r.score / r.scale_max) AS mean
    FROM survey_responses r JOIN tasks t ON t.id = r.callback_id WHERE t.due_at >= :since AND t.due_at < :until
""")
_COMPLAINTS: Final = _query("""
    SELECT type, count(*) AS complaints FROM complaints WHERE occurred_at >= :since AND occurred_at < :until
    GROUP BY type ORDER BY complaints DESC, type
""")
# The promise is laid at the door of whoever resolved the complaint, else of whoever holds it.
_SLA: Final = _query("""
    SELECT coalesce(resolved_by, owner) AS owner, team, count(*) AS complaints,
           count(*) FILTER (WHERE resolved_at <= due_at) AS kept,
           count(*) FILTER (WHERE resolved_at > due_at OR (resolved_at IS NULL AND due_at < CAST(:at AS timestamptz)))
               AS broken,
           count(*) FILTER (WHERE resolved_at IS NULL AND due_at >= CAST(:at AS timestamptz)) AS running,
           count(*) FILTER (WHERE transfer_count >= CAST(:ping_pong AS integer)) AS ping_pong
    FROM complaints WHERE occurred_at >= :since AND occurred_at < :until
    GROUP BY 1, 2 ORDER BY complaints DESC, 1, 2
""")
# Somebody leaves when their profile first says so.
_LEAVE_REASONS: Final = _query("""
    WITH gone AS (
        SELECT subscriber_id, min(since) AS left_at FROM profile_versions WHERE profile ->> 'status' = 'churned'
        GROUP BY subscriber_id HAVING min(since) >= :since AND min(since) < :until
    )
    SELECT coalesce(
        (SELECT c.type FROM complaints c WHERE c.subscriber_id = g.subscriber_id AND c.occurred_at <= g.left_at
         AND c.occurred_at > g.left_at - interval '90 days' ORDER BY c.occurred_at DESC LIMIT 1),
        (SELECT i.need FROM interactions i WHERE i.subscriber_id = g.subscriber_id AND i.occurred_at <= g.left_at
         AND i.occurred_at > g.left_at - interval '90 days' ORDER BY i.occurred_at DESC LIMIT 1), 'unknown'
    ) AS reason, count(*) AS churned FROM gone g GROUP BY 1 ORDER BY 2 DESC, 1
""")
USUAL_PERIOD: Final = timedelta(days=30)
SERVICE: Final = frozenset({"service", "complaint"})
BENCHMARK: Final = 0.21  # requirement K16: the field's rule of thumb
_ORDERS: Final = _query("""
    SELECT s.region, i.order_outcome, i.refusal_reason, count(*) AS orders
    FROM interactions i JOIN subscribers s ON s.subscriber_id = i.subscriber_id
    WHERE i.order_outcome IS NOT NULL AND i.occurred_at >= :since AND i.occurred_at < :until
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
""")


class PeriodRefused(Invalid):
    """The period ends before it begins."""


@dataclass(frozen=True, slots=True)
class Period:
    """From `since` up to but without `until`, as seen at a moment."""

    since: datetime
    until: datetime
    at: datetime

    def __post_init__(self) -> None:
        if self.until <= self.since:
            raise PeriodRefused.at("/query/until", "must be later than since")

    @property
    def asked(self) -> dict[str, Any]:
        return {"since": self.since, "until": self.until}

    @property
    def now(self) -> dict[str, Any]:
        return self.asked | {"at": self.at}


async def callbacks(session: AsyncSession, period: Period) -> dict[str, Any]:
    """Count the callbacks that fell due, and rank what was complained of most, with the cumulative share."""
    by_subject = await _rows(session, _CALLBACKS, period.now)
    complaints = await _rows(session, _COMPLAINTS, period.asked)
    [score] = await _rows(session, _CALLBACK_SCORE, period.asked)
    return {
        **period.asked,
        **{name: sum(row[name] for row in by_subject) for name in _COUNTS},
        "mean_score": score["mean"],
        "by_subject": by_subject,
        "frequent_complaints": list(_pareto(complaints)),
    }


def _pareto(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    counted = list(rows)
    total = sum(row["complaints"] for row in counted)
    so_far = 0
    for row in counted:
        so_far += row["complaints"]
        yield row | {"share": row["complaints"] / total, "cumulative_share": so_far / total}


async def complaint_sla(session: AsyncSession, period: Period) -> dict[str, Any]:
    """Tell how many promises each owner and team kept of those that were due."""
    rows = await _rows(session, _SLA, period.now | {"ping_pong": PING_PONG_TRANSFERS})
    ping_pong = sum(row.pop("ping_pong") for row in rows)
    kept, broken = (sum(row[name] for row in rows) for name in ("kept", "broken"))
    return {
        **period.asked,
        "complaints": sum(row["complaints"] for row in rows),
        "kept_share": share(kept, kept + broken),
        "ping_pong": ping_pong,
        "items": [row | {"kept_share": share(row["kept"], row["kept"] + row["broken"])} for row in rows],
    }


async def order_refusals(session: AsyncSession, period: Period) -> dict[str, Any]:
    """Tell by region how many orders were completed, and why the others were refused."""
    regions: dict[str | None, dict[str, Any]] = {}
    for row in await _rows(session, _ORDERS, period.asked):
        region = regions.setdefault(row["region"], _no_orders(row["region"]))
        region["orders"] += row["orders"]
        if row["order_outcome"] in region:
            region[row["order_outcome"]] += row["orders"]
        if row["refusal_reason"]:
            region["reasons"][row["refusal_reason"]] = row["orders"]
    items = [r | {"completion_rate": share(r["completed"], r["completed"] + r["refused"])} for r in regions.values()]
    return {**period.asked, "items": items}


def _no_orders(region: str | None) -> dict[str, Any]:
    return {"region": region, "orders": 0, "completed": 0, "refused": 0, "reasons": {}}


async def _rows(session: AsyncSession, query: TextClause, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in await session.execute(query, asked)]  # noqa: SLF001  # the documented way to a row's columns


async def leave_reasons(session: AsyncSession, period: Period) -> dict[str, Any]:
    """Tell what was the matter with those who left, and how many of them service drove away."""
    rows = (await session.execute(_LEAVE_REASONS, {"since": period.since, "until": period.until})).all()
    total = sum(row.churned for row in rows)
    served = sum(row.churned for row in rows if row.reason in SERVICE)
    return {
        "since": period.since,
        "until": period.until,
        "churned": total,
        "service_share": share(served, total),
        "benchmark": BENCHMARK,
        "items": [{"reason": row.reason, "churned": row.churned, "share": row.churned / total} for row in rows],
    }
