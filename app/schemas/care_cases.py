from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from app.domain.care_cases import Activity, CareCause, CareStage
from app.schemas.base import Flag, FreeText, Label, Wire


class CareCaseUpdate(Wire):
    """The fields to change: what is left out stays."""

    stage: CareStage | None = None
    owner: Label | None = None
    cause: CareCause | None = None
    analysis: FreeText | None = None
    care_given: FreeText | None = None
    satisfied: Flag | None = None


class EvidenceRead(Wire):
    source: str
    id: UUID
    at: datetime


class CareProfileRead(Wire):
    brand: str | None
    region: str | None
    value_tier: str | None
    lifecycle_stage: str | None


class CareCaseRead(Wire):
    """A case on its three axes: how active somebody is, who they are, what ails them."""

    id: UUID
    subscriber_id: str
    stage: CareStage
    owner: str
    evidence: list[EvidenceRead]
    cause: CareCause | None
    analysis: str | None
    care_given: str | None
    satisfied: bool | None
    activity: Annotated[Activity, Field(description="Contacts in the last 90 days: none, one or two, more")]
    profile: CareProfileRead
    likely_cause: Annotated[CareCause, Field(description="Until one is found: of the latest complaint or contact")]
    opened_at: datetime
    closed_at: datetime | None
    version: int
    updated_at: datetime
