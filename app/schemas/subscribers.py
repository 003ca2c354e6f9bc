from datetime import date, datetime
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field

from app.domain.lifecycle import KeyPoint, Stage
from app.domain.segments import VisitBand
from app.domain.subscribers import Locality, OwnerRole, Payer, SubscriberStatus
from app.schemas.base import Features, Flag, IsoDate, Label, Phone, SafeStr, Scalar, SubscriberId, Wire

Consents = Annotated[
    dict[Annotated[SafeStr, Field(pattern="^[a-z_]{1,32}$")], Flag],
    Field(
        max_length=32, description="Channel or purpose → may we; `all`, `marketing`, `call`, `sms`, … false opts out"
    ),
]


def _is_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("must be a time zone such as Asia/Shanghai") from error
    return name


TimeZone = Annotated[SafeStr, Field(min_length=1, max_length=64), AfterValidator(_is_zone)]
Taste = Annotated[SafeStr, Field(min_length=1, max_length=256)]


class Contact(Wire):
    """What identifies the person: stored encrypted, shown masked."""

    name: Annotated[SafeStr, Field(min_length=1, max_length=128)] | None = None
    phone: Phone | None = None
    email: Annotated[SafeStr, Field(max_length=254, pattern=r"^[^@\s]+@[^@\s]+$")] | None = None
    address: Annotated[SafeStr, Field(min_length=1, max_length=512)] | None = None
    hobbies: Taste | None = None
    hometown: Taste | None = None
    family_numbers: (
        Annotated[list[Phone], Field(min_length=1, max_length=20, description="Shown as how many there are")] | None
    ) = None


class SubscriberWrite(Wire):
    """The whole profile: what is left out is empty."""

    region: Label | None = None
    brand: Label | None = None
    value_tier: Label | None = None
    payment_type: Label | None = None
    group_id: Label | None = None
    payer: Annotated[Payer | None, Field(description="Who pays: the subscriber, or their group")] = None
    locality: Locality | None = None
    sla_level: Label | None = None
    owner: Annotated[Label | None, Field(description="The one who keeps the relationship")] = None
    owner_role: OwnerRole | None = None
    lifecycle_stage: Annotated[KeyPoint | None, Field(description="A key point of the lifecycle")] = None
    joined_on: IsoDate | None = None
    timezone: Annotated[TimeZone | None, Field(description="Whose clock quiet hours go by")] = None
    status: SubscriberStatus = SubscriberStatus.ACTIVE
    contact: Contact | None = None
    consents: Consents = Field(default_factory=dict)


class SubscriberUpdate(SubscriberWrite):
    """The fields to change: what is left out stays, what is null is emptied."""


class KeyPointRead(Wire):
    key_point: KeyPoint
    subscribers: Annotated[int, Field(description="How many stand there now")]
    next: Annotated[list[KeyPoint], Field(description="Where they may move")]


class StageRead(Wire):
    stage: Stage
    question: str
    key_points: list[KeyPointRead]


class LifecycleRead(Wire):
    stages: list[StageRead]
    nowhere: Annotated[int, Field(description="Subscribers without a key point")]


class SubscriberSearch(Wire):
    """Either of them."""

    phone: Phone | None = None
    id_prefix: SubscriberId | None = None


class SubscriberFound(Wire):
    subscriber_id: str
    contact: dict[str, str] | None
    brand: str | None
    value_tier: str | None
    status: SubscriberStatus


class SubscribersFound(Wire):
    """Up to twenty of them."""

    items: list[SubscriberFound]


class MergeCreate(Wire):
    duplicate_id: SubscriberId


class MergeRead(Wire):
    subscriber_id: str
    duplicate_id: str


class SnapshotWrite(Wire):
    features: Features


class SnapshotRead(Wire):
    as_of: date
    features: dict[str, Scalar]


class SubscriberSnapshotRead(SnapshotRead):
    subscriber_id: str


class MarksRead(Wire):
    """What a profile says of somebody's worth, and of how they can be kept."""

    contact_completeness: Annotated[float, Field(description="Share known of phone, email, address and name, 0…1")]
    reachable: Annotated[bool, Field(description="A phone is known")]
    tenure_over_12_months: bool | None
    involuntary: Annotated[bool, Field(description="We cut them off: suspended or in arrears")]
    group_member: bool
    group_pays: bool
    floating: Annotated[bool, Field(description="Lives elsewhere: harder to keep")]
    lifecycle: Annotated[Stage | None, Field(description="The stage that the key point belongs to")]
    visits_a_month: Annotated[VisitBand, Field(description="Transactions of the last 30 days")]


class PlainProfile(Wire):
    """The profile without what identifies the person."""

    region: str | None
    brand: str | None
    value_tier: str | None
    payment_type: str | None
    group_id: str | None
    payer: Payer | None
    locality: Locality | None
    sla_level: str | None
    owner: str | None
    owner_role: OwnerRole | None
    lifecycle_stage: KeyPoint | None
    joined_on: date | None
    timezone: str | None = None
    status: SubscriberStatus
    consents: dict[str, bool]


class ProfileVersionRead(Wire):
    version: int
    since: datetime
    changed: Annotated[list[str], Field(description="The fields that are other than in the version before")]
    profile: PlainProfile
    contact_fields: Annotated[list[str], Field(description="Which fields of the contact were known")]


class SubscriberRead(PlainProfile):
    subscriber_id: str
    merged_into: Annotated[str | None, Field(description="The id that stays, if this one is merged into it now")]
    contact: Annotated[dict[str, str] | None, Field(description="Masked; null when asked as of a time")]
    lifecycle_since: datetime | None
    marks: MarksRead
    changed_at: Annotated[dict[str, datetime], Field(description="Field → when it last changed")]
    version: int
    created_at: datetime
    updated_at: datetime
    latest_snapshot: SnapshotRead | None
