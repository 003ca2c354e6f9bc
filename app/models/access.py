from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Document, Instant, Names, SubscriberId


class ApiKey(Base):
    """A caller. Of its key only the digest is stored; one that was replaced is taken until `previous_until`.

    `regions` bound whom it may see; null where nothing does. A caller who brings tokens that somebody else makes has no
    key: its row says who it is, for whatever refers to it.
    """

    __tablename__ = "api_keys"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    prefix: Mapped[str] = mapped_column(String(16), unique=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    scopes: Mapped[Names]
    agent_id: Mapped[str | None] = mapped_column(String(64))
    regions: Mapped[Names | None]
    previous_digest: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    previous_until: Mapped[Instant | None]
    last_used_at: Mapped[Instant | None]
    created_at: Mapped[Instant]
    expires_at: Mapped[Instant | None]
    revoked_at: Mapped[Instant | None]


class IdempotencyAnswer(Base):
    """The first answer to a write, kept so that its repeat gets the same one."""

    __tablename__ = "idempotency_answers"
    __table_args__ = (Index(None, "kept_at"), Index(None, "subscriber_id"))

    caller_id: Mapped[UUID] = mapped_column(ForeignKey(ApiKey.id), primary_key=True)
    operation: Mapped[str] = mapped_column(String(64), primary_key=True)
    key_digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary(32))
    status: Mapped[int] = mapped_column(SmallInteger)
    headers: Mapped[Document]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    subscriber_id: Mapped[SubscriberId | None]
    kept_at: Mapped[Instant]
