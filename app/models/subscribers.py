from datetime import date
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Document, Instant, Names, SubscriberId


class Subscriber(Base):
    """A profile. `contact` is sealed under `data_key`; decisions know the subscriber by `pseudonym` alone.

    `phone_index` is a keyed digest of the phone, for exact search. A merge is a pointer to the id that stays.
    """

    __tablename__ = "subscribers"
    __table_args__ = (
        Index(None, "phone_index"),
        Index(None, "merged_into", postgresql_where=text("merged_into IS NOT NULL")),
        Index(None, "group_id", postgresql_where=text("group_id IS NOT NULL")),
    )

    subscriber_id: Mapped[SubscriberId] = mapped_column(primary_key=True)
    pseudonym: Mapped[UUID] = mapped_column(unique=True)
    data_key: Mapped[bytes] = mapped_column(LargeBinary)
    contact: Mapped[bytes | None] = mapped_column(LargeBinary)
    status: Mapped[str] = mapped_column(String(16))
    region: Mapped[str | None] = mapped_column(String(64))
    brand: Mapped[str | None] = mapped_column(String(64))
    value_tier: Mapped[str | None] = mapped_column(String(64))
    payment_type: Mapped[str | None] = mapped_column(String(64))
    group_id: Mapped[str | None] = mapped_column(String(64))
    payer: Mapped[str | None] = mapped_column(String(16))
    locality: Mapped[str | None] = mapped_column(String(16))
    sla_level: Mapped[str | None] = mapped_column(String(64))
    owner: Mapped[str | None] = mapped_column(String(64))
    owner_role: Mapped[str | None] = mapped_column(String(16))
    lifecycle_stage: Mapped[str | None] = mapped_column(String(32))
    joined_on: Mapped[date | None]
    timezone: Mapped[str | None] = mapped_column(String(64))
    phone_index: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    merged_into: Mapped[str | None] = mapped_column(ForeignKey("subscribers.subscriber_id", ondelete="SET NULL"))
    consents: Mapped[Document]
    version: Mapped[int]
    created_at: Mapped[Instant]
    updated_at: Mapped[Instant]


class ProfileVersion(Base):
    """What a profile said from a time on, without what identifies the person."""

    __tablename__ = "profile_versions"

    subscriber_id: Mapped[SubscriberId] = mapped_column(
        ForeignKey(Subscriber.subscriber_id, ondelete="CASCADE"), primary_key=True
    )
    version: Mapped[int] = mapped_column(primary_key=True)
    since: Mapped[Instant]
    profile: Mapped[Document]


class FeatureDefinition(Base):
    """One row of the feature dictionary."""

    __tablename__ = "features"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    type: Mapped[str] = mapped_column(String(16))
    unit: Mapped[str | None] = mapped_column(String(32))
    minimum: Mapped[float | None]
    maximum: Mapped[float | None]
    levels: Mapped[Names]
    source: Mapped[str] = mapped_column(String(256))
    updated_at: Mapped[Instant]


class FeatureSnapshot(Base):
    """What was known of a subscriber as of one date."""

    __tablename__ = "feature_snapshots"

    subscriber_id: Mapped[SubscriberId] = mapped_column(
        ForeignKey(Subscriber.subscriber_id, ondelete="CASCADE"), primary_key=True
    )
    as_of: Mapped[date] = mapped_column(primary_key=True)
    features: Mapped[Document]
    recorded_at: Mapped[Instant]
