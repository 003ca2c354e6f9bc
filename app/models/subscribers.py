from datetime import date
from uuid import UUID

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Document, Instant, Names, SubscriberId


class Subscriber(Base):
    """A profile. `contact` is sealed under `data_key`; decisions know the subscriber by `pseudonym` alone."""

    __tablename__ = "subscribers"

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
    joined_on: Mapped[date | None]
    consents: Mapped[Document]
    version: Mapped[int]
    created_at: Mapped[Instant]
    updated_at: Mapped[Instant]


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
