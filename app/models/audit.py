from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, SmallInteger, String, Uuid
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.models.access import ApiKey
from app.models.base import Base, Document, Instant, Link


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


class AccessEntry(Base):
    """Who read or changed what of whom, when, and what for. It knows pseudonyms only, and stays.

    `mac` is a keyed digest of the whole row, made when it was written.
    """

    __tablename__ = "access_entries"
    __table_args__ = (Index(None, "pseudonyms", postgresql_using="gin"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[Instant]
    caller_id: Mapped[UUID] = mapped_column(ForeignKey(ApiKey.id))
    agent_id: Mapped[str | None] = mapped_column(String(64))
    operation: Mapped[str] = mapped_column(String(64))
    status: Mapped[int] = mapped_column(SmallInteger)
    purpose: Mapped[str] = mapped_column(String(32))
    pseudonyms: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    request_id: Mapped[str] = mapped_column(String(128))
    mac: Mapped[bytes] = mapped_column(LargeBinary(32))


class AccessLink(Link, Base):
    """A link of the chain over all access entries."""

    __tablename__ = "access_links"

    row_id: Mapped[UUID] = mapped_column("entry_id", unique=True)
