"""What a contact leaves to be done, and by when."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.interactions import Direction, Need, OrderOutcome
from app.domain.tasks import TaskStatus, callback_due, follow_up_due, is_overdue

AT = datetime(2026, 11, 3, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("need", "order", "hours"),
    [
        (Need.LEAVE, None, 24),
        (Need.PLAN_ENQUIRY, None, 72),
        (Need.DEVICE_ENQUIRY, OrderOutcome.PENDING, 72),
        (Need.TRANSACT, OrderOutcome.REFUSED, 72),
        (Need.PLAN_ENQUIRY, OrderOutcome.COMPLETED, None),
        (Need.BILLING, None, None),
        (Need.COMPLAINT, None, None),  # a complaint has a due time of its own
        (Need.OTHER, None, None),
    ],
)
def test_what_was_asked_for_is_followed_up(need: Need, order: OrderOutcome | None, hours: int | None) -> None:
    # K3
    due = follow_up_due(need, Direction.INBOUND, order, AT)

    assert due == (None if hours is None else AT + timedelta(hours=hours))


@given(st.sampled_from(Need), st.none() | st.sampled_from(OrderOutcome))
def test_what_we_began_ourselves_is_not_followed_up(need: Need, order: OrderOutcome | None) -> None:
    assert follow_up_due(need, Direction.OUTBOUND, order, AT) is None


@pytest.mark.parametrize(("hours", "overdue"), [(71, False), (72, False), (73, True)])
def test_a_callback_is_overdue_after_three_days(hours: int, overdue: bool) -> None:  # noqa: FBT001  # a column of the table above
    # G4
    assert is_overdue(TaskStatus.OPEN, callback_due(AT), AT + timedelta(hours=hours)) is overdue
    assert not is_overdue(TaskStatus.DONE, callback_due(AT), AT + timedelta(hours=hours))
