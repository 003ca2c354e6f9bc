"""What is owed to a subscriber by when: follow-ups on what they asked for, callbacks after a service."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from app.domain.interactions import Direction, Need, OrderOutcome


class TaskKind(StrEnum):
    FOLLOW_UP = "follow_up"
    CALLBACK = "callback"
    REVIEW = "review"


class TaskStatus(StrEnum):
    OPEN = "open"
    DONE = "done"
    CANCELLED = "cancelled"


class TaskSource(StrEnum):
    INTERACTION = "interaction"
    COMPLAINT = "complaint"
    DECISION = "decision"


class CallbackState(StrEnum):
    DUE = "due"
    OVERDUE = "overdue"
    DONE = "done"


# After a service the subscriber is asked within three days whether it helped.
CALLBACK_WITHIN: Final = timedelta(hours=72)
# Whoever speaks of leaving hears from us the next day; whoever asked about something to buy within three.
_FOLLOW_UP_WITHIN: Final = {
    Need.LEAVE: timedelta(hours=24),
    Need.PLAN_ENQUIRY: timedelta(hours=72),
    Need.DEVICE_ENQUIRY: timedelta(hours=72),
}
_REFUSED_ORDER_WITHIN: Final = timedelta(hours=72)


def follow_up_due(
    need: Need, direction: Direction, order: OrderOutcome | None, occurred_at: datetime
) -> datetime | None:
    """Say by when a contact is to be followed up, or None: what we began ourselves, or what was settled, is not."""
    if direction is not Direction.INBOUND or order is OrderOutcome.COMPLETED:
        return None
    within = _REFUSED_ORDER_WITHIN if order is OrderOutcome.REFUSED else _FOLLOW_UP_WITHIN.get(need)
    return occurred_at + within if within else None


def callback_due(served_at: datetime) -> datetime:
    return served_at + CALLBACK_WITHIN


def is_overdue(status: TaskStatus, due_at: datetime, at: datetime) -> bool:
    """Tell whether an open task's time has passed; at the very moment it is due it is still in time."""
    return status is TaskStatus.OPEN and at > due_at
