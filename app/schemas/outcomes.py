from datetime import datetime
from uuid import UUID

from app.domain.outcomes import OutcomeKind
from app.schemas.base import AwareTime, Code, FreeText, Wire


class OutcomeCreate(Wire):
    action: Code
    outcome: OutcomeKind
    reason: FreeText | None = None
    occurred_at: AwareTime


class OutcomeRead(Wire):
    id: UUID
    decision_id: UUID
    subscriber_id: str
    action: str
    outcome: OutcomeKind
    reason: str | None
    occurred_at: datetime
    recorded_at: datetime
