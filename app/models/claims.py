from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.access import ApiKey
from app.models.base import Base, Instant, SubscriberId
from app.models.subscribers import Subscriber


class ContactClaim(Base):
    """The right to be the only one who contacts a person for a purpose, until it expires or is given back."""

    __tablename__ = "contact_claims"
    __table_args__ = (Index(None, "subscriber_id", "expires_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    subscriber_id: Mapped[SubscriberId] = mapped_column(ForeignKey(Subscriber.subscriber_id, ondelete="CASCADE"))
    purpose: Mapped[str] = mapped_column(String(64))
    owner: Mapped[str] = mapped_column(String(64))
    caller_id: Mapped[UUID] = mapped_column(ForeignKey(ApiKey.id))
    claimed_at: Mapped[Instant]
    expires_at: Mapped[Instant]
    released_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
