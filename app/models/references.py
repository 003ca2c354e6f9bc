from uuid import UUID

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.access import ApiKey
from app.models.base import Base, SubscriberId
from app.models.subscribers import Subscriber


class ClientReference(Base):
    """A caller's own name for a fact, once a noun. It stands apart: a partitioned table could not hold it unique."""

    __tablename__ = "client_references"
    __table_args__ = (Index(None, "subscriber_id"),)

    caller_id: Mapped[UUID] = mapped_column(ForeignKey(ApiKey.id), primary_key=True)
    noun: Mapped[str] = mapped_column(String(16), primary_key=True, server_default="interaction")
    reference: Mapped[str] = mapped_column(String(128), primary_key=True)
    subscriber_id: Mapped[SubscriberId | None] = mapped_column(ForeignKey(Subscriber.subscriber_id, ondelete="CASCADE"))
    fact_id: Mapped[UUID]
