from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey, Index, String, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.models.access import ApiKey
from app.models.base import Base, Document, Instant, Names


class Campaign(Base):
    """A campaign's definition. `enrolled` and `overlapping` are counted when it starts; `result` is kept when it ends.

    `overlapping` fit the segment and were left out, being in another running campaign.
    """

    __tablename__ = "campaigns"
    __table_args__ = (Index(None, "state"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(128))
    owner: Mapped[str] = mapped_column(String(64))
    goal: Mapped[str] = mapped_column(Text)
    least_effect: Mapped[float | None]
    segment: Mapped[Document]
    actions: Mapped[Names]
    holdout_share: Mapped[float]
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    horizon_days: Mapped[int]
    state: Mapped[str] = mapped_column(String(16))
    enrolled: Mapped[int]
    overlapping: Mapped[int]
    started_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    result: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    version: Mapped[int]
    created_at: Mapped[Instant]
    updated_at: Mapped[Instant]
    caller_id: Mapped[UUID] = mapped_column(ForeignKey(ApiKey.id))


class CampaignMember(Base):
    """Who takes part, in which arm, and how likely that was. It knows a pseudonym only, and outlives the subscriber."""

    __tablename__ = "campaign_members"
    __table_args__ = (Index(None, "pseudonym"),)

    campaign_id: Mapped[UUID] = mapped_column(ForeignKey(Campaign.id), primary_key=True)
    pseudonym: Mapped[UUID] = mapped_column(primary_key=True)
    arm: Mapped[str] = mapped_column(String(64))
    propensity: Mapped[float]
    enrolled_at: Mapped[Instant]
