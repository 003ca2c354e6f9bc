from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from app.domain.warnings import Measure, Signal, WarningKind, WarningResult, WarningSource
from app.schemas.base import Label, Money, Wire
from app.schemas.groups import GroupId


class WarningCreate(Wire):
    """A group somebody fears for, whatever its figures say."""

    group_id: GroupId
    owner: Annotated[Label | None, Field(description="Who sees to the group; its own owner unless given")] = None


class WarningUpdate(Wire):
    """The fields to change: what is left out stays. A result closes the warning."""

    owner: Label | None = None
    done: Annotated[
        list[Measure], Field(default_factory=list, max_length=len(Measure), description="Measures taken by now")
    ]
    result: WarningResult | None = None


class SignalRead(Wire):
    signal: Signal
    before: float
    after: float


class MeasureRead(Wire):
    measure: Measure
    due_at: datetime
    done_at: datetime | None


class WarningRead(Wire):
    """A warning of a group's churn. While it is open, no offer is made to a single member."""

    id: UUID
    kind: WarningKind
    source: Annotated[WarningSource, Field(description="Seen in the group's figures, or reported by somebody")]
    group_id: str
    name: str
    severity: Annotated[Money | None, Field(description="The group's revenue a month: what would be lost with it")]
    currency: str
    member_count: int
    signals: Annotated[list[SignalRead], Field(description="The group a month ago and now, a member on average")]
    as_of: Annotated[date | None, Field(description="The day of its latest figures")]
    owner: str
    playbook: list[MeasureRead]
    result: WarningResult | None
    opened_at: datetime
    closed_at: datetime | None
    version: int
    updated_at: datetime
