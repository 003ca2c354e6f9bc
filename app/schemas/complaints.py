from datetime import datetime
from uuid import UUID

from app.domain.complaints import Cause, ComplaintStatus, ComplaintType, NetworkFault, Severity
from app.domain.interactions import Channel
from app.schemas.base import AwareTime, Code, Flag, FreeText, Label, SubscriberId, Wire


class ComplaintCreate(Wire):
    subscriber_id: SubscriberId
    touchpoint: Code
    channel: Channel
    occurred_at: AwareTime
    type: ComplaintType
    description: FreeText
    network_fault_type: NetworkFault | None = None
    owner: Label | None = None


class ComplaintUpdate(Wire):
    """The fields to change: what is left out stays."""

    status: ComplaintStatus | None = None
    owner: Label | None = None
    root_cause: FreeText | None = None
    action_taken: FreeText | None = None
    subscriber_confirmed: Flag | None = None


class ComplaintRead(Wire):
    id: UUID
    subscriber_id: str
    touchpoint: str
    channel: Channel
    occurred_at: datetime
    type: ComplaintType
    description: str
    network_fault_type: NetworkFault | None
    severity: Severity
    cause: Cause
    owner: str
    due_at: datetime
    status: ComplaintStatus
    root_cause: str | None
    action_taken: str | None
    subscriber_confirmed: bool
    version: int
    created_at: datetime
    updated_at: datetime
