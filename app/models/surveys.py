from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, SmallInteger, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.models.access import ApiKey
from app.models.base import Base, Instant, SubscriberId
from app.models.subscribers import Subscriber
from app.models.touchpoints import Touchpoint


class SurveyResponse(Base):
    """One person's answers. An external (CATI) response may be anonymous; an internal one names its subscriber.

    `answers` holds an entry an item: item, dimension, score, ideal, adequate, perceived, weight. `score` is their
    weighted mean on the response's own scale, null where only expectations were asked.
    """

    __tablename__ = "survey_responses"
    __table_args__ = (
        Index(None, "subscriber_id", "answered_at"),
        Index(None, "family", "touchpoint", "answered_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    subscriber_id: Mapped[SubscriberId | None] = mapped_column(ForeignKey(Subscriber.subscriber_id, ondelete="CASCADE"))
    family: Mapped[str] = mapped_column(String(16))
    survey: Mapped[str] = mapped_column(String(64))
    touchpoint: Mapped[str] = mapped_column(ForeignKey(Touchpoint.code))
    channel: Mapped[str] = mapped_column(String(16))
    answered_at: Mapped[Instant]
    scale_max: Mapped[int] = mapped_column(SmallInteger)
    answers: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    score: Mapped[float | None]
    dissatisfied: Mapped[bool]
    comment: Mapped[bytes | None] = mapped_column(LargeBinary)
    agent_id: Mapped[str | None] = mapped_column(String(64))
    role: Mapped[str | None] = mapped_column(String(32))
    callback_id: Mapped[UUID | None]
    client_reference: Mapped[str | None] = mapped_column(String(128))
    caller_id: Mapped[UUID | None] = mapped_column(ForeignKey(ApiKey.id))
    recorded_at: Mapped[Instant]


class SatisfactionTarget(Base):
    """The mean score a role is held to, as a share of the scale (0…1), in one survey family."""

    __tablename__ = "satisfaction_targets"

    family: Mapped[str] = mapped_column(String(16), primary_key=True)
    role: Mapped[str] = mapped_column(String(32), primary_key=True)
    target: Mapped[float]
    updated_at: Mapped[Instant]
