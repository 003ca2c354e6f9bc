from datetime import datetime
from uuid import UUID

from app.domain.care_cases import CareCause, CareStage
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


class CareCaseRead(Wire):
    id: UUID
    subscriber_id: str
    stage: CareStage
    owner: str
    evidence: list[EvidenceRead]
    cause: CareCause | None
    analysis: str | None
    care_given: str | None
    satisfied: bool | None
    opened_at: datetime
    closed_at: datetime | None
    version: int
    updated_at: datetime
