from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from app.domain.complaints import Cause, ComplaintStatus, ComplaintType, Escalation, NetworkFault, Severity
from app.domain.interactions import Channel
from app.schemas.base import AwareTime, Code, Flag, FreeText, Label, Reference, SubscriberId, Wire


class ComplaintCreate(Wire):
    subscriber_id: SubscriberId
    touchpoint: Code
    channel: Channel
    occurred_at: AwareTime
    type: ComplaintType
    description: FreeText
    network_fault_type: NetworkFault | None = None
    owner: Label | None = None
    team: Label | None = None
    client_reference: Reference | None = None


class ComplaintUpdate(Wire):
    """The fields to change: what is left out stays."""

    status: ComplaintStatus | None = None
    owner: Label | None = None
    team: Label | None = None
    root_cause: FreeText | None = None
    action_taken: FreeText | None = None
    subscriber_confirmed: Annotated[Flag | None, Field(description="false: unhappy with the solution, reopens")] = None


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
    team: str | None
    transfer_count: int
    ping_pong: bool
    due_at: datetime
    sla_met: Annotated[bool | None, Field(description="null while the promise can still be kept")]
    escalation: Escalation
    escalated_at: datetime | None
    status: ComplaintStatus
    root_cause: str | None
    action_taken: str | None
    subscriber_confirmed: bool
    resolved_at: datetime | None
    resolved_by: str | None
    reopen_count: int
    client_reference: str | None
    version: int
    created_at: datetime
    updated_at: datetime


class ComplaintStepRead(Wire):
    number: int
    at: datetime
    status: ComplaintStatus
    owner: str
    team: str | None
