from uuid import UUID

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.access import ApiKey
from app.models.base import Base, Instant, SubscriberId
from app.models.subscribers import Subscriber
from app.models.touchpoints import Touchpoint


class Complaint(Base):
    """An interaction that carries a promise. Free texts are sealed under the subscriber's data key."""

    __tablename__ = "complaints"
    __table_args__ = (Index(None, "id"), Index(None, "status", "id"), Index(None, "status", "due_at"))

    subscriber_id: Mapped[SubscriberId] = mapped_column(
        ForeignKey(Subscriber.subscriber_id, ondelete="CASCADE"), primary_key=True
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    touchpoint: Mapped[str] = mapped_column(ForeignKey(Touchpoint.code))
    channel: Mapped[str] = mapped_column(String(16))
    occurred_at: Mapped[Instant]
    type: Mapped[str] = mapped_column(String(32))
    description: Mapped[bytes] = mapped_column(LargeBinary)
    network_fault_type: Mapped[str | None] = mapped_column(String(32))
    severity: Mapped[str] = mapped_column(String(16))
    cause: Mapped[str] = mapped_column(String(32))
    owner: Mapped[str] = mapped_column(String(64))
    team: Mapped[str | None] = mapped_column(String(64))
    transfer_count: Mapped[int] = mapped_column(server_default="0")
    reopen_count: Mapped[int] = mapped_column(server_default="0")
    due_at: Mapped[Instant]
    status: Mapped[str] = mapped_column(String(16))
    root_cause: Mapped[bytes | None] = mapped_column(LargeBinary)
    action_taken: Mapped[bytes | None] = mapped_column(LargeBinary)
    subscriber_confirmed: Mapped[bool]
    resolved_at: Mapped[Instant | None]
    resolved_by: Mapped[str | None] = mapped_column(String(64))
    client_reference: Mapped[str | None] = mapped_column(String(128))
    version: Mapped[int]
    caller_id: Mapped[UUID] = mapped_column(ForeignKey(ApiKey.id))
    created_at: Mapped[Instant]
    updated_at: Mapped[Instant]


class ComplaintStep(Base):
    """One change of a complaint's status or owner, numbered from 1: who held it, and since when."""

    __tablename__ = "complaint_steps"
    __table_args__ = (
        ForeignKeyConstraint(
            ["subscriber_id", "complaint_id"], ["complaints.subscriber_id", "complaints.id"], ondelete="CASCADE"
        ),
    )

    subscriber_id: Mapped[SubscriberId] = mapped_column(primary_key=True)
    complaint_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[Instant]
    status: Mapped[str] = mapped_column(String(16))
    owner: Mapped[str] = mapped_column(String(64))
    team: Mapped[str | None] = mapped_column(String(64))
    caller_id: Mapped[UUID] = mapped_column(ForeignKey(ApiKey.id))
