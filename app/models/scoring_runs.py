from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import SUBSCRIBER_ID_LENGTH, Base, Document, Instant
from app.models.subscribers import Subscriber


class ScoringRun(Base):
    """Everybody scored once, by one model: a job that keeps its own place.

    `cursor` is the id of the last subscriber who was looked at; `scored` and `refused` count those up to there.
    """

    __tablename__ = "scoring_runs"
    __table_args__ = (
        Index("uq_scoring_runs_unfinished", "churn_kind", unique=True, postgresql_where=text("ended_at IS NULL")),
        Index(None, "churn_kind", "ended_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    churn_kind: Mapped[str] = mapped_column(String(32))
    channel: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    requested_at: Mapped[Instant]
    requested_by: Mapped[UUID]
    begun_at: Mapped[Instant | None]
    progressed_at: Mapped[Instant]
    ended_at: Mapped[Instant | None]
    model: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    cursor: Mapped[str] = mapped_column(String(SUBSCRIBER_ID_LENGTH))
    total: Mapped[int] = mapped_column(BigInteger)
    scored: Mapped[int] = mapped_column(BigInteger)
    refused: Mapped[int] = mapped_column(BigInteger)
    refusals: Mapped[Document]
    failure: Mapped[str | None] = mapped_column(Text)


class RiskScore(Base):
    """What one run found of one subscriber: the score with its strongest drivers, and what to do, or why nothing."""

    __tablename__ = "risk_scores"
    __table_args__ = (
        CheckConstraint("probability BETWEEN 0 AND 1", name="probability"),
        CheckConstraint("(next_action IS NULL) <> (none_because IS NULL)", name="action_or_reason"),
        Index(None, "run_id", "probability"),
    )

    subscriber_id: Mapped[str] = mapped_column(
        String(SUBSCRIBER_ID_LENGTH), ForeignKey(Subscriber.subscriber_id, ondelete="CASCADE"), primary_key=True
    )
    run_id: Mapped[UUID] = mapped_column(ForeignKey(ScoringRun.id, ondelete="CASCADE"), primary_key=True)
    probability: Mapped[float]
    band: Mapped[str] = mapped_column(String(16))
    as_of: Mapped[date]
    drivers: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    next_action: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    none_because: Mapped[str | None] = mapped_column(Text)
