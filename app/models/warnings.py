from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Numeric, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Instant
from app.models.groups import Group


class GroupWarning(Base):
    """A group that may be about to leave, and what is done about it. At most one a group is open.

    `signals` holds the readings that warned, `playbook` its measures in order, each with when it is due and was done.
    """

    __tablename__ = "group_warnings"
    __table_args__ = (
        Index("uq_group_warnings_open", "group_id", unique=True, postgresql_where=text("closed_at IS NULL")),
        Index(None, "group_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    group_id: Mapped[str] = mapped_column(ForeignKey(Group.group_id, ondelete="CASCADE"))
    source: Mapped[str] = mapped_column(String(16))
    signals: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    member_count: Mapped[int]
    severity: Mapped[Decimal | None] = mapped_column(Numeric(18, 2))
    as_of: Mapped[date | None]
    owner: Mapped[str] = mapped_column(String(64))
    playbook: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    result: Mapped[str | None] = mapped_column(String(16))
    opened_at: Mapped[Instant]
    closed_at: Mapped[Instant | None]
    version: Mapped[int]
    updated_at: Mapped[Instant]
