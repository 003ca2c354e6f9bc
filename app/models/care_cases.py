from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Instant, SubscriberId
from app.models.subscribers import Subscriber


class CareCase(Base):
    """A dissatisfied subscriber in the pool. At most one case a subscriber is open: further evidence joins it."""

    __tablename__ = "care_cases"
    __table_args__ = (
        Index("uq_care_cases_open", "subscriber_id", unique=True, postgresql_where=text("closed_at IS NULL")),
        Index(None, "id"),
        Index(None, "stage", "id"),
    )

    subscriber_id: Mapped[SubscriberId] = mapped_column(
        ForeignKey(Subscriber.subscriber_id, ondelete="CASCADE"), primary_key=True
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    stage: Mapped[str] = mapped_column(String(16))
    owner: Mapped[str] = mapped_column(String(64))
    evidence: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    cause: Mapped[str | None] = mapped_column(String(32))
    analysis: Mapped[bytes | None] = mapped_column(LargeBinary)
    care_given: Mapped[bytes | None] = mapped_column(LargeBinary)
    satisfied: Mapped[bool | None]
    opened_at: Mapped[Instant]
    closed_at: Mapped[Instant | None]
    version: Mapped[int]
    updated_at: Mapped[Instant]
