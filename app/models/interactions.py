from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Instant, SubscriberId
from app.models.subscribers import Subscriber


class Interaction(Base):
    """One contact. The two answers, `reason` and `request`, are the subscriber's words and are sealed.

    The touchpoint and the caller are checked when it is recorded: as foreign keys they would be looked up again for
    each of many thousand rows, and neither is ever deleted. The id is a UUIDv7, so the table can be partitioned by time
    on its own key.
    """

    __tablename__ = "interactions"
    __table_args__ = (Index(None, "subscriber_id", "occurred_at", "id"), Index(None, "id"))

    subscriber_id: Mapped[SubscriberId] = mapped_column(
        ForeignKey(Subscriber.subscriber_id, ondelete="CASCADE"), primary_key=True
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    touchpoint: Mapped[str] = mapped_column(String(64))
    channel: Mapped[str] = mapped_column(String(16))
    direction: Mapped[str] = mapped_column(String(16))
    occurred_at: Mapped[Instant]
    reason: Mapped[bytes | None] = mapped_column(LargeBinary)
    request: Mapped[bytes | None] = mapped_column(LargeBinary)
    need: Mapped[str] = mapped_column(String(32))
    need_source: Mapped[str] = mapped_column(String(32))
    phase: Mapped[str | None] = mapped_column(String(16))
    agent_id: Mapped[str | None] = mapped_column(String(64))
    rating: Mapped[int | None] = mapped_column(SmallInteger)
    sentiment: Mapped[str | None] = mapped_column(String(16))
    agent_sentiment: Mapped[str | None] = mapped_column(String(16))
    duration_seconds: Mapped[int | None]
    visit: Mapped[str | None] = mapped_column(String(64))
    order_outcome: Mapped[str | None] = mapped_column(String(16))
    refusal_reason: Mapped[str | None] = mapped_column(String(32))
    client_reference: Mapped[str | None] = mapped_column(String(128))
    caller_id: Mapped[UUID]
    recorded_at: Mapped[Instant]
