from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, ValidationInfo, field_validator

from app.domain.interactions import (
    Channel,
    Direction,
    Need,
    OrderOutcome,
    Phase,
    RefusalReason,
    Sentiment,
)
from app.schemas.base import (
    MOST_ITEMS,
    AwareTime,
    Code,
    FreeText,
    JudgedAlone,
    Label,
    PlainName,
    Reference,
    SubscriberId,
    Wire,
)


class InteractionCreate(Wire):
    """One contact. A call must answer both questions: why did they contact us, what do they want."""

    subscriber_id: SubscriberId
    touchpoint: Code
    channel: Channel
    direction: Direction
    occurred_at: AwareTime
    reason: Annotated[FreeText | None, Field(validate_default=True)] = None
    request: Annotated[FreeText | None, Field(validate_default=True)] = None
    need: Need | None = None
    phase: Phase | None = None
    agent_id: Label | None = None
    rating: Annotated[int, Field(strict=True, ge=1, le=10)] | None = None
    sentiment: Sentiment | None = None
    agent_sentiment: Sentiment | None = None
    duration_seconds: Annotated[int, Field(strict=True, ge=0, le=86400)] | None = None
    visit: PlainName | None = None
    order_outcome: OrderOutcome | None = None
    refusal_reason: Annotated[RefusalReason | None, Field(validate_default=True)] = None
    client_reference: Reference | None = None

    @field_validator("reason", "request")
    @classmethod
    def _is_answered_on_a_call(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None and info.data.get("channel") is Channel.CALL:
            raise ValueError("is required of a call: why did they contact us, and what do they want")
        return value

    @field_validator("refusal_reason")
    @classmethod
    def _goes_with_a_refusal(cls, value: RefusalReason | None, info: ValidationInfo) -> RefusalReason | None:
        if (value is not None) != (info.data.get("order_outcome") is OrderOutcome.REFUSED):
            raise ValueError("is said of a refused order, and of no other")
        return value


class InteractionBatch(Wire):
    """Many contacts at once; each is judged alone."""

    items: Annotated[list[Annotated[InteractionCreate, JudgedAlone]], Field(min_length=1, max_length=MOST_ITEMS)]


class BatchItemRead(Wire):
    """What became of one item: 201 recorded, 200 recorded before under its client_reference, else a problem."""

    status: int
    id: UUID | None = None
    problem: dict[str, Any] | None = None


class InteractionBatchRead(Wire):
    items: list[BatchItemRead]


class InteractionRead(Wire):
    id: UUID
    subscriber_id: str
    touchpoint: str
    channel: Channel
    direction: Direction
    occurred_at: datetime
    reason: str | None
    request: str | None
    need: Need
    need_source: str
    phase: Phase | None
    agent_id: str | None
    rating: int | None
    sentiment: Sentiment | None
    agent_sentiment: Sentiment | None
    duration_seconds: int | None
    visit: str | None
    order_outcome: OrderOutcome | None
    refusal_reason: RefusalReason | None
    client_reference: str | None
    recorded_at: datetime


class VisitRead(Wire):
    """One visit: the contacts it was made of, in the order in which they happened."""

    subscriber_id: str
    visit: str
    started_at: datetime
    ended_at: datetime
    touchpoints: list[str]
    items: list[InteractionRead]
