from uuid import UUID

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Document, Instant


class AuditEntry(Base):
    """What was done to a subscriber's identity, by whom: it knows a pseudonym only, and stays."""

    __tablename__ = "audit_entries"
    __table_args__ = (Index(None, "pseudonym"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[Instant]
    event: Mapped[str] = mapped_column(String(32))
    pseudonym: Mapped[UUID]
    by: Mapped[str] = mapped_column(String(64))
    details: Mapped[Document]
