from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, ForeignKey, Identity, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.access import ApiKey
from app.models.base import Base, Document


class PolicyVersion(Base):
    """What was in force from a time on: the whole catalogue and the rules beside it. The last one is in force now.

    `version` is made of the content: the same rules have the same version whenever they are published.
    """

    __tablename__ = "policies"
    __table_args__ = (Index(None, "version"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    version: Mapped[str] = mapped_column(String(64))
    document: Mapped[Document]
    published_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    caller_id: Mapped[UUID | None] = mapped_column(ForeignKey(ApiKey.id))
