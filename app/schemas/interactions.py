from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, ValidationInfo, field_validator

from app.domain.interactions import Channel, Direction, Need, Phase, Sentiment
from app.schemas.base import AwareTime, Code, FreeText, Label, SafeStr, SubscriberId, Wire


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
    client_reference: Annotated[SafeStr, Field(min_length=1, max_length=128)] | None = None

    @field_validator("reason", "request")
    @classmethod
    def _is_answered_on_a_call(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None and info.data.get("channel") is Channel.CALL:
            raise ValueError("is required of a call: why did they contact us, and what do they want")
        return value


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
    client_reference: str | None
    recorded_at: datetime
