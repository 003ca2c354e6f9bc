"""How bad a complaint is, what caused it, when it is due, and which steps it may take."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.complaints import (
    STEPS,
    UNFINISHED,
    Cause,
    ComplaintStatus,
    ComplaintType,
    Escalation,
    Evidence,
    NetworkFault,
    Severity,
    cause_of,
    due_at,
    escalation_of,
    is_ping_pong,
    missing_evidence,
    severity_of,
    sla_met,
)
from app.domain.working_time import WorkingCalendar, parse_week

ALWAYS_OPEN = WorkingCalendar(parse_week("mon-sun 00:00-24:00"), frozenset(), UTC)
OFFICE = WorkingCalendar(parse_week("mon-fri 09:00-18:00"), frozenset(), UTC)

AT = datetime(2026, 11, 3, 9, 30, tzinfo=UTC)
WORST_FIRST = [Severity.CRITICAL, Severity.MAJOR, Severity.MINOR]
types = st.sampled_from(ComplaintType)
faults = st.none() | st.sampled_from(NetworkFault)


# ── severity and cause ──


@pytest.mark.parametrize(
    ("type", "fault", "severity"),
    [
        (ComplaintType.NETWORK, NetworkFault.OUTAGE, Severity.CRITICAL),
        (ComplaintType.SERVICE, NetworkFault.OUTAGE, Severity.CRITICAL),
        (ComplaintType.PRIVACY, None, Severity.CRITICAL),
        (ComplaintType.NETWORK, NetworkFault.NO_COVERAGE, Severity.MAJOR),
        (ComplaintType.NETWORK, NetworkFault.DROPPED_CALLS, Severity.MAJOR),
        (ComplaintType.NETWORK, NetworkFault.SLOW_DATA, Severity.MAJOR),
        (ComplaintType.BILLING, None, Severity.MAJOR),
        (ComplaintType.NETWORK, None, Severity.MINOR),
        (ComplaintType.SERVICE, None, Severity.MINOR),
        (ComplaintType.DEVICE, None, Severity.MINOR),
        (ComplaintType.CONTRACT, None, Severity.MINOR),
        (ComplaintType.OTHER, None, Severity.MINOR),
    ],
)
def test_severity_follows_from_the_fault_first_and_the_type_then(
    type: ComplaintType, fault: NetworkFault | None, severity: Severity
) -> None:
    # B4
    assert severity_of(type, fault) is severity


@given(types, faults, faults)
def test_a_fault_makes_a_complaint_worse_or_leaves_it(
    type: ComplaintType, fault: NetworkFault | None, other: NetworkFault | None
) -> None:
    without, with_fault = severity_of(type, None), severity_of(type, fault)
    assert WORST_FIRST.index(with_fault) <= WORST_FIRST.index(without)
    assert WORST_FIRST.index(severity_of(type, NetworkFault.OUTAGE)) <= WORST_FIRST.index(severity_of(type, other))


@pytest.mark.parametrize(
    ("type", "cause"),
    [
        (ComplaintType.NETWORK, Cause.NETWORK_FAULT),
        (ComplaintType.BILLING, Cause.BILLING),
        (ComplaintType.SERVICE, Cause.SERVICE),
        (ComplaintType.DEVICE, Cause.DEVICE),
        (ComplaintType.CONTRACT, Cause.TERMS),
        (ComplaintType.PRIVACY, Cause.UNKNOWN),
        (ComplaintType.OTHER, Cause.UNKNOWN),
    ],
)
def test_without_a_fault_the_type_tells_the_cause(type: ComplaintType, cause: Cause) -> None:
    assert cause_of(type, None) is cause


@given(types, st.sampled_from(NetworkFault))
def test_a_fault_is_the_cause_whatever_the_complaint_is_called(type: ComplaintType, fault: NetworkFault) -> None:
    assert cause_of(type, fault) is Cause.NETWORK_FAULT


# ── the promise ──


@pytest.mark.parametrize(("severity", "hours"), [(Severity.MINOR, 24), (Severity.MAJOR, 12), (Severity.CRITICAL, 6)])
def test_what_is_worse_is_due_in_half_or_a_quarter_of_the_promise(severity: Severity, hours: int) -> None:
    # F28: one promise a touchpoint, here of 24 hours.
    assert due_at(AT, 24, severity, ALWAYS_OPEN) == AT + timedelta(hours=hours)


@given(st.integers(0, 24 * 90), st.sampled_from(Severity))
def test_nothing_is_due_within_the_hour_or_later_than_promised(promise_hours: int, severity: Severity) -> None:
    due = due_at(AT, promise_hours, severity, ALWAYS_OPEN)
    assert AT + timedelta(hours=1) <= due <= AT + timedelta(hours=max(promise_hours, 1))


@given(st.integers(0, 24 * 90))
def test_what_is_worse_is_never_due_later(promise_hours: int) -> None:
    due = [due_at(AT, promise_hours, severity, ALWAYS_OPEN) for severity in WORST_FIRST]
    assert due == sorted(due)


# ── the steps ──


def test_a_complaint_takes_these_steps_and_no_others() -> None:
    # E21
    open_, busy, resolved, closed = ComplaintStatus
    assert dict(STEPS) == {
        open_: {busy, resolved},
        busy: {resolved},
        resolved: {closed, busy},
        closed: {busy},
    }


def test_a_complaint_is_closed_only_after_it_was_resolved() -> None:
    # E21
    assert {status for status, steps in STEPS.items() if ComplaintStatus.CLOSED in steps} == {ComplaintStatus.RESOLVED}


def test_no_status_is_a_dead_end_and_none_leads_to_itself_or_back_to_the_beginning() -> None:
    assert set(STEPS) == set(ComplaintStatus)
    assert all(steps and status not in steps for status, steps in STEPS.items())
    assert all(ComplaintStatus.OPEN not in steps for steps in STEPS.values())


def test_open_and_in_progress_are_unfinished() -> None:
    assert {ComplaintStatus.OPEN, ComplaintStatus.IN_PROGRESS} == UNFINISHED


# ── the evidence ──


@pytest.mark.parametrize("status", [ComplaintStatus.OPEN, ComplaintStatus.IN_PROGRESS])
def test_work_may_begin_with_nothing_known(status: ComplaintStatus) -> None:
    assert missing_evidence(status, Evidence(None, None, subscriber_confirmed=False)) == []


def test_resolving_needs_a_cause_and_what_was_done_about_it() -> None:
    # E21
    nothing = Evidence(None, None, subscriber_confirmed=False)
    assert missing_evidence(ComplaintStatus.RESOLVED, nothing) == ["root_cause", "action_taken"]
    assert missing_evidence(ComplaintStatus.RESOLVED, Evidence("cable cut", "", subscriber_confirmed=True)) == [
        "action_taken"
    ]
    assert (
        missing_evidence(ComplaintStatus.RESOLVED, Evidence("cable cut", "spliced", subscriber_confirmed=False)) == []
    )


def test_closing_needs_the_subscriber_to_confirm() -> None:
    # E21: cannot close unconfirmed
    unconfirmed = Evidence("cable cut", "spliced", subscriber_confirmed=False)
    assert missing_evidence(ComplaintStatus.CLOSED, unconfirmed) == ["subscriber_confirmed"]
    confirmed = Evidence("cable cut", "spliced", subscriber_confirmed=True)
    assert missing_evidence(ComplaintStatus.CLOSED, confirmed) == []
    word_alone = Evidence(None, None, subscriber_confirmed=True)
    assert missing_evidence(ComplaintStatus.CLOSED, word_alone) == ["root_cause", "action_taken"]


# ── the clock ──


def test_a_promise_is_counted_in_working_hours() -> None:
    friday_afternoon = datetime(2026, 11, 6, 17, tzinfo=UTC)

    assert due_at(friday_afternoon, 4, Severity.MINOR, OFFICE) == datetime(2026, 11, 9, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("after_due", "who"),
    [
        (timedelta(seconds=-1), Escalation.NONE),
        (timedelta(0), Escalation.NONE),
        (timedelta(seconds=1), Escalation.TEAM_LEAD),
        (timedelta(hours=24), Escalation.TEAM_LEAD),
        (timedelta(hours=24, seconds=1), Escalation.MANAGER),
    ],
)
def test_what_is_late_is_heard_of_higher_and_higher_up(after_due: timedelta, who: Escalation) -> None:
    # K12
    for status in UNFINISHED:
        assert escalation_of(status, AT, AT + after_due) is who
    for status in set(ComplaintStatus) - UNFINISHED:
        assert escalation_of(status, AT, AT + after_due) is Escalation.NONE


def test_a_promise_is_kept_up_to_its_last_moment_and_open_until_then() -> None:
    late = AT + timedelta(seconds=1)

    assert sla_met(AT, AT, late) is True
    assert sla_met(late, AT, late) is False
    assert sla_met(None, AT, AT) is None
    assert sla_met(None, AT, late) is False


@pytest.mark.parametrize(("transfers", "flagged"), [(0, False), (1, False), (2, True), (5, True)])
def test_handing_a_complaint_on_twice_is_ping_pong(transfers: int, flagged: bool) -> None:  # noqa: FBT001  # a column of the table above
    # I8
    assert is_ping_pong(transfers) is flagged
