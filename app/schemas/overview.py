from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from app.domain.complaints import ComplaintStatus, ComplaintType, Escalation, Severity
from app.domain.interactions import Channel, Direction, Need, Sentiment
from app.domain.subscribers import SubscriberStatus
from app.domain.tasks import TaskKind
from app.schemas.base import IsoDate, Wire
from app.schemas.scores import ScoreRead


class ProfileGlance(Wire):
    subscriber_id: str
    merged_into: str | None
    status: SubscriberStatus
    region: str | None
    brand: str | None
    value_tier: str | None
    payment_type: str | None
    group_id: str | None
    sla_level: str | None
    owner: str | None
    lifecycle_stage: str | None
    joined_on: IsoDate | None
    contact: dict[str, str] | None
    reachable_by: Annotated[
        list[Channel], Field(description="Channels we may use of our own accord, best answered first")
    ]


class ContactGlance(Wire):
    id: UUID
    occurred_at: datetime
    touchpoint: str
    channel: Channel
    direction: Direction
    need: Need
    reason: str | None
    request: str | None
    agent_id: str | None
    sentiment: Sentiment | None


class ComplaintGlance(Wire):
    id: UUID
    occurred_at: datetime
    type: ComplaintType
    severity: Severity
    status: ComplaintStatus
    owner: str
    description: str
    due_at: datetime
    escalation: Escalation
    transfer_count: int
    ping_pong: bool


class RecommendationGlance(Wire):
    """What was last recommended, when, and what became of it."""

    decision_id: UUID
    decided_at: datetime
    channel: Channel
    action: str | None
    name: str | None
    say: str | None
    none_because: str | None
    feedback: str | None
    feedback_at: datetime | None


class SatisfactionGlance(Wire):
    """The latest answer; scores as a share of their scale, the gap on 0…100 (perceived - adequate)."""

    answered_at: datetime
    touchpoint: str
    score_share: float | None
    dissatisfied: bool
    worst_dimension: str | None
    adequacy_gap: float | None


class CaseGlance(Wire):
    id: UUID
    stage: str
    owner: str
    opened_at: datetime


class GroupGlance(Wire):
    """The group they are a member of; `at_risk_since` and `owner` are of the warning of it that is open."""

    group_id: str
    name: str
    at_risk_since: datetime | None
    owner: str | None


class TaskGlance(Wire):
    id: UUID
    kind: TaskKind
    about: str
    owner: str
    due_at: datetime
    overdue: bool


class Event(Wire):
    """One thing that happened, told by its kind and the id under which it can be read."""

    at: datetime
    kind: Literal[
        "contact",
        "complaint_opened",
        "complaint_resolved",
        "survey_answer",
        "case_opened",
        "case_closed",
        "recommendation",
        "feedback",
    ]
    id: UUID
    about: str
    action: Annotated[str | None, Field(description="What was recommended, or what was answered to")]


class OverviewRead(Wire):
    """Everything at a glance. A part that a consent forbids, or that the key may not read, is not there at all."""

    subscriber_id: str
    at: datetime
    profile: ProfileGlance
    prompt: str | None = None
    score: ScoreRead | None = None
    open_complaints: list[ComplaintGlance] = Field(default_factory=list)
    last_contacts: list[ContactGlance] = Field(default_factory=list)
    last_recommendation: RecommendationGlance | None = None
    satisfaction: SatisfactionGlance | None = None
    group: GroupGlance | None = None
    pool: CaseGlance | None = None
    tasks: list[TaskGlance] = Field(default_factory=list)
    timeline: Annotated[list[Event], Field(description="What happened, latest first")]
