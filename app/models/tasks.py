from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Instant, SubscriberId
from app.models.subscribers import Subscriber


class Task(Base):
    """Something owed to a subscriber by a time: a follow-up on what they asked, or a callback after a service.

    The source is the fact it came from; one source gives one task of a kind, however often that fact arrives.
    """

    __tablename__ = "tasks"
    __table_args__ = (
        UniqueConstraint("subscriber_id", "kind", "source_id"),
        Index(None, "status", "due_at", "id"),
        Index(None, "owner", "status", "due_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    subscriber_id: Mapped[SubscriberId] = mapped_column(ForeignKey(Subscriber.subscriber_id, ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(16))
    source: Mapped[str] = mapped_column(String(16))
    source_id: Mapped[UUID]
    about: Mapped[str] = mapped_column(String(32))
    owner: Mapped[str] = mapped_column(String(64))
    due_at: Mapped[Instant]
    status: Mapped[str] = mapped_column(String(16))
    note: Mapped[bytes | None] = mapped_column(LargeBinary)
    completed_at: Mapped[Instant | None]
    version: Mapped[int]
    created_at: Mapped[Instant]
    updated_at: Mapped[Instant]
