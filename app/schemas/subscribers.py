from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from app.domain.subscribers import SubscriberStatus
from app.schemas.base import Features, Flag, IsoDate, Label, Phone, SafeStr, Scalar, Wire

Consents = Annotated[
    dict[Annotated[SafeStr, Field(pattern="^[a-z_]{1,32}$")], Flag],
    Field(
        max_length=32, description="Channel or purpose → may we; `all`, `marketing`, `call`, `sms`, … false opts out"
    ),
]


class Contact(Wire):
    """What identifies the person: stored encrypted, shown masked."""

    name: Annotated[SafeStr, Field(min_length=1, max_length=128)] | None = None
    phone: Phone | None = None
    email: Annotated[SafeStr, Field(max_length=254, pattern=r"^[^@\s]+@[^@\s]+$")] | None = None
    address: Annotated[SafeStr, Field(min_length=1, max_length=512)] | None = None


class SubscriberWrite(Wire):
    """The whole profile: what is left out is empty."""

    region: Label | None = None
    brand: Label | None = None
    value_tier: Label | None = None
    payment_type: Label | None = None
    group_id: Label | None = None
    joined_on: IsoDate | None = None
    status: SubscriberStatus = SubscriberStatus.ACTIVE
    contact: Contact | None = None
    consents: Consents = Field(default_factory=dict)


class SubscriberUpdate(SubscriberWrite):
    """The fields to change: what is left out stays, what is null is emptied."""


class SnapshotWrite(Wire):
    features: Features


class SnapshotRead(Wire):
    as_of: date
    features: dict[str, Scalar]


class SubscriberSnapshotRead(SnapshotRead):
    subscriber_id: str


class SubscriberRead(Wire):
    subscriber_id: str
    region: str | None
    brand: str | None
    value_tier: str | None
    payment_type: str | None
    group_id: str | None
    joined_on: date | None
    status: SubscriberStatus
    contact: dict[str, str] | None
    consents: dict[str, bool]
    version: int
    created_at: datetime
    updated_at: datetime
    latest_snapshot: SnapshotRead | None
