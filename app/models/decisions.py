from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, LargeBinary, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.models.access import ApiKey
from app.models.base import Base, Document, Instant, Link


class Decision(Base):
    """What was decided, of what inputs, under which policy. It outlives the subscriber: it knows a pseudonym only.

    `newest_fact` is when the latest thing it knew of was recorded: as long as that holds, it answers the same question.
    What a caller gave as `context` may name somebody, so it is sealed under the subscriber's data key.
    `mac` is a keyed digest of the whole row, made when it was written: who can write to the table alone cannot make it.
    The id is a UUIDv7, so the table can be partitioned by time on its own key.
    """

    __tablename__ = "decisions"
    __table_args__ = (Index(None, "id"), Index(None, "pseudonym", "decided_at"))

    pseudonym: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    caller_id: Mapped[UUID] = mapped_column(ForeignKey(ApiKey.id))
    channel: Mapped[str] = mapped_column(String(16))
    direction: Mapped[str] = mapped_column(String(16))
    decided_at: Mapped[Instant]
    newest_fact: Mapped[Instant]
    arm: Mapped[str] = mapped_column(String(16))
    policy_version: Mapped[str] = mapped_column(String(64))
    inputs: Mapped[Document]
    context: Mapped[bytes | None] = mapped_column(LargeBinary)
    answer: Mapped[Document]
    mac: Mapped[bytes | None] = mapped_column(LargeBinary(32))


class DecisionLink(Link, Base):
    """A link of the chain over all decisions."""

    __tablename__ = "decision_links"

    row_id: Mapped[UUID] = mapped_column("decision_id", unique=True)


class Contest(Base):
    """A decision that the person it concerns does not accept: a human looks at it."""

    __tablename__ = "contests"

    pseudonym: Mapped[UUID] = mapped_column(primary_key=True)
    decision_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(unique=True)
    reason: Mapped[bytes | None] = mapped_column(LargeBinary)
    alternative: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    due_at: Mapped[Instant]
    contested_at: Mapped[Instant]
    caller_id: Mapped[UUID] = mapped_column(ForeignKey(ApiKey.id))


class Outcome(Base):
    """What became of a decided action. At most one final outcome an action and stage (response, result)."""

    __tablename__ = "outcomes"
    __table_args__ = (
        ForeignKeyConstraint(["pseudonym", "decision_id"], ["decisions.pseudonym", "decisions.id"]),
        Index(
            "uq_outcomes_final",
            "pseudonym",
            "decision_id",
            "action",
            "stage",
            unique=True,
            postgresql_where=text("final"),
        ),
        Index(None, "pseudonym", "occurred_at"),
    )

    pseudonym: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    decision_id: Mapped[UUID]
    action: Mapped[str] = mapped_column(String(64))
    outcome: Mapped[str] = mapped_column(String(16))
    stage: Mapped[str] = mapped_column(String(16))
    final: Mapped[bool]
    reason: Mapped[bytes | None] = mapped_column(LargeBinary)
    competitor: Mapped[str | None] = mapped_column(String(64))
    occurred_at: Mapped[Instant]
    recorded_at: Mapped[Instant]
    caller_id: Mapped[UUID] = mapped_column(ForeignKey(ApiKey.id))
