from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Instant


class Group(Base):
    """A group of subscribers on one plan (VPMN). Its members are the subscribers whose `group_id` names it."""

    __tablename__ = "groups"

    group_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(128))
    plan: Mapped[str | None] = mapped_column(String(64))
    flat_fee: Mapped[bool]
    rental_free: Mapped[bool]
    corporate_account: Mapped[bool]
    payer: Mapped[str] = mapped_column(String(16))
    owner: Mapped[str | None] = mapped_column(String(64))
    version: Mapped[int]
    created_at: Mapped[Instant]
    updated_at: Mapped[Instant]
