from typing import Annotated

from pydantic import Field

from app.domain.interactions import Channel
from app.domain.touchpoints import (
    Category,
    CustomerType,
    Discovery,
    JourneyStage,
    Sense,
    ServiceKind,
    TouchpointKind,
)
from app.schemas.base import Code, FreeText, SafeStr, Wire

LONGEST_PROMISE_HOURS = 24 * 365


class TouchpointWrite(Wire):
    """A place where operator and subscriber meet. Empty lists of customer types and services mean all of them."""

    name: Annotated[SafeStr, Field(min_length=1, max_length=128)]
    category: Category
    stage: JourneyStage
    kind: TouchpointKind
    sense: Sense = Sense.COMMUNICATION
    customer_types: Annotated[list[CustomerType], Field(max_length=16)] = Field(default_factory=list)
    services: Annotated[list[ServiceKind], Field(max_length=16)] = Field(default_factory=list)
    channels: Annotated[list[Channel], Field(min_length=1, max_length=16)]
    need: Annotated[Code | None, Field(description="What it serves; touchpoints of one need promise the same")] = None
    promise_hours: Annotated[int, Field(strict=True, ge=1, le=LONGEST_PROMISE_HOURS, description="The one promise")]
    standard: Annotated[FreeText | None, Field(description="What is good enough, said so that it can be checked")] = (
        None
    )
    discovered: Discovery = Discovery.OUTWARD


class TouchpointRow(TouchpointWrite):
    """A touchpoint as a row of a table."""

    code: Code


class TouchpointRead(Wire):
    code: str
    name: str
    category: Category
    stage: JourneyStage
    kind: TouchpointKind
    sense: Sense
    customer_types: list[CustomerType]
    services: list[ServiceKind]
    channels: list[Channel]
    need: str | None
    promise_hours: int
    standard: str | None
    discovered: Discovery
