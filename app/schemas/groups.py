from datetime import datetime
from typing import Annotated

from pydantic import Field, Strict

from app.domain.subscribers import Payer
from app.schemas.base import Flag, Label, Money, SafeStr, Wire

GroupId = Annotated[str, Strict(), Field(pattern=r"^[A-Za-z0-9._:-]{1,64}$", examples=["vpmn-17"])]


class GroupWrite(Wire):
    """A group on one plan: what is left out is empty."""

    name: Annotated[SafeStr, Field(min_length=1, max_length=128)]
    plan: Label | None = None
    flat_fee: Annotated[Flag, Field(description="A fixed fee a month")] = False
    rental_free: Annotated[Flag, Field(description="No monthly rental")] = False
    corporate_account: Annotated[Flag, Field(description="One bill for all")] = False
    payer: Payer = Payer.GROUP
    owner: Label | None = None


class GroupFeatures(Wire):
    """Told from the members' profiles and latest snapshots; null where none of them says it."""

    in_group_call_share: Annotated[float | None, Field(description="Mean over the members")]
    monthly_revenue: Annotated[Money | None, Field(description="Of all members together")]
    co_location_share: Annotated[float | None, Field(description="The largest share of members in one region, 0…1")]


class GroupRead(Wire):
    group_id: str
    name: str
    plan: str | None
    flat_fee: bool
    rental_free: bool
    corporate_account: bool
    payer: Payer
    owner: str | None
    member_count: int
    features: GroupFeatures
    version: int
    created_at: datetime
    updated_at: datetime


class MemberRead(Wire):
    subscriber_id: str
