from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from app.domain.outcomes import OutcomeKind
from app.schemas.base import AwareTime, Code, FreeText, Label, Wire


class OutcomeCreate(Wire):
    action: Code
    outcome: OutcomeKind
    reason: FreeText | None = None
    competitor: Annotated[Label | None, Field(description="Whose offer was the better one, if they said so")] = None
    occurred_at: AwareTime


class OutcomeRead(Wire):
    id: UUID
    decision_id: UUID
    subscriber_id: str
    action: str
    outcome: OutcomeKind
    reason: str | None
    competitor: str | None
    occurred_at: datetime
    recorded_at: datetime
