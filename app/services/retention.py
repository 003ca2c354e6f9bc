"""What is kept no longer than it may be: old contacts, settled business and superseded snapshots are deleted."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Final

from sqlalchemy import TextClause, select, text

from app.db import Sessions, transaction
from app.models import Subscriber
from app.services import idempotency, profiles
from app.services.scoring_runs import RUNS_KEPT
from app.settings import Settings
from app.vault import Vault

# Subscribers a transaction: their old facts are some thousand rows, each found by an index that begins with the id.
PAGE: Final = 500
BATCH: Final = 2000


def _facts(table: str, old: str) -> TextClause:
    """Delete a page's old facts, and with each the name that a caller gave it."""
    return text(f"""
        WITH gone AS (
            DELETE FROM {table} WHERE subscriber_id = ANY(:ids) AND {old} RETURNING subscriber_id, id
        ), unnamed AS (
            DELETE FROM client_references r USING gone
            WHERE r.subscriber_id = gone.subscriber_id AND r.fact_id = gone.id
        )
        SELECT count(*) FROM gone
    """)  # noqa: S608  # only our own words are written into it


# By the table they are counted under. What is still open is kept, however old.
_OF_SUBSCRIBERS: Final = MappingProxyType(
    {
        "interactions": _facts("interactions", "occurred_at < :before"),
        "survey_responses": _facts("survey_responses", "answered_at < :before"),
        "complaints": _facts("complaints", "status = 'closed' AND updated_at < :before"),
        "tasks": _facts("tasks", "status IN ('done', 'cancelled') AND updated_at < :before"),
        "care_cases": _facts("care_cases", "closed_at < :before"),
    }
)
_SNAPSHOTS: Final = "feature_snapshots"
_OLD_SNAPSHOTS: Final = text("""
    WITH gone AS (
        DELETE FROM feature_snapshots s WHERE subscriber_id = ANY(:ids) AND as_of < :first_day AND EXISTS (
            SELECT FROM feature_snapshots newer WHERE newer.subscriber_id = s.subscriber_id AND newer.as_of > s.as_of
        ) RETURNING 1
    )
    SELECT count(*) FROM gone
""")
_EXPIRED_ANSWERS: Final = text("""
    WITH gone AS (
        DELETE FROM idempotency_answers WHERE (caller_id, operation, key_digest) IN (
            SELECT caller_id, operation, key_digest FROM idempotency_answers
            WHERE kept_at < :before ORDER BY kept_at LIMIT :batch
        ) RETURNING 1
    )
    SELECT count(*) FROM gone
""")
_REPLACED_SCORES: Final = text("""
    WITH ended AS (
        SELECT id, state, row_number() OVER (PARTITION BY churn_kind, state ORDER BY ended_at DESC) AS place
        FROM scoring_runs WHERE ended_at IS NOT NULL
    ), gone AS (
        DELETE FROM risk_scores WHERE (subscriber_id, run_id) IN (
            SELECT r.subscriber_id, r.run_id FROM ended JOIN risk_scores r ON r.run_id = ended.id
            WHERE ended.state = 'failed' OR ended.place > :kept LIMIT :batch
        ) RETURNING 1
    )
    SELECT count(*) FROM gone
""")
_ANONYMOUS_SURVEYS: Final = text("""
    WITH gone AS (
        DELETE FROM survey_responses WHERE id IN (
            SELECT id FROM survey_responses
            WHERE subscriber_id IS NULL AND answered_at < :before ORDER BY answered_at LIMIT :batch
        ) RETURNING id
    ), unnamed AS (
        DELETE FROM client_references r USING gone WHERE r.subscriber_id IS NULL AND r.fact_id = gone.id
    )
    SELECT count(*) FROM gone
""")


async def purge(sessions: Sessions, settings: Settings, at: datetime) -> dict[str, int]:
    """Delete what is older than the settings say it may be, in small transactions; tells how many rows of each table.

    Whatever stops it, what was deleted stays deleted, and the next run goes on.
    """
    before = at - timedelta(days=settings.keep_contacts_days)
    first_day = settings.today(at) - timedelta(days=settings.keep_snapshots_days)
    counts = Counter(dict.fromkeys([*_OF_SUBSCRIBERS, _SNAPSHOTS, "idempotency_answers"], 0))
    async for ids in pages(sessions):
        counts.update(await _purge_page(sessions, ids, before, first_day))
    answered_before = idempotency.kept_since(at, settings.idempotency_hours)
    counts["survey_responses"] += await _purge_batches(sessions, _ANONYMOUS_SURVEYS, before=before)
    counts["idempotency_answers"] += await _purge_batches(sessions, _EXPIRED_ANSWERS, before=answered_before)
    return dict(counts)


async def pages(sessions: Sessions) -> AsyncIterator[list[str]]:
    """Yield the ids of all subscribers, a page at a time."""
    after = ""
    while True:
        query = select(Subscriber.subscriber_id).where(Subscriber.subscriber_id > after)
        async with transaction(sessions) as session:
            ids = list(await session.scalars(query.order_by(Subscriber.subscriber_id).limit(PAGE)))
        if not ids:
            return
        yield ids
        after = ids[-1]


async def _purge_page(sessions: Sessions, ids: list[str], before: datetime, first_day: date) -> dict[str, int]:
    deleted = {}
    async with transaction(sessions) as session:
        for table, statement in _OF_SUBSCRIBERS.items():
            deleted[table] = await session.scalar(statement, {"ids": ids, "before": before}) or 0
        deleted[_SNAPSHOTS] = await session.scalar(_OLD_SNAPSHOTS, {"ids": ids, "first_day": first_day}) or 0
    return deleted


async def purge_scores(sessions: Sessions) -> dict[str, int]:
    """Delete the scores of runs that newer ones replaced, or that failed, in small transactions."""
    return {"risk_scores": await _purge_batches(sessions, _REPLACED_SCORES, kept=RUNS_KEPT)}


async def _purge_batches(sessions: Sessions, statement: TextClause, **asked: datetime | int) -> int:
    total = 0
    while True:
        async with transaction(sessions) as session:
            deleted = await session.scalar(statement, {**asked, "batch": BATCH}) or 0
        total += deleted
        if deleted < BATCH:
            return total


async def complete_profiles(sessions: Sessions, vault: Vault) -> dict[str, int]:
    """Give every profile that was stored before versions were kept its first version, and its phone an index."""
    completed = 0
    async for ids in pages(sessions):
        async with transaction(sessions) as session:
            completed += await profiles.complete(session, vault, ids)
    return {"profiles": completed}
