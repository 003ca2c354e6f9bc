"""How bad a complaint is, what caused it, when it is due, and which steps it may take."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from app.domain.working_time import WorkingCalendar


class ComplaintType(StrEnum):
    NETWORK = "network"
    BILLING = "billing"
    SERVICE = "service"
    DEVICE = "device"
    CONTRACT = "contract"
    PRIVACY = "privacy"
    OTHER = "other"


class NetworkFault(StrEnum):
    NO_COVERAGE = "no_coverage"
    DROPPED_CALLS = "dropped_calls"
    SLOW_DATA = "slow_data"
    OUTAGE = "outage"


class Severity(StrEnum):
    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"


class Cause(StrEnum):
    NETWORK_FAULT = "network_fault"
    BILLING = "billing"
    SERVICE = "service"
    DEVICE = "device"
    TERMS = "terms"
    UNKNOWN = "unknown"


class Escalation(StrEnum):
    """Who hears of a complaint that was not answered in time. It is read off the clock: no timer can be lost."""

    NONE = "none"
    TEAM_LEAD = "team_lead"
    MANAGER = "manager"


class ComplaintStatus(StrEnum):
    OPEN = "open"
    IN_PROGRESS = "in_progress"
    RESOLVED = "resolved"
    CLOSED = "closed"


STEPS: Final[Mapping[ComplaintStatus, frozenset[ComplaintStatus]]] = MappingProxyType(
    {
        ComplaintStatus.OPEN: frozenset({ComplaintStatus.IN_PROGRESS, ComplaintStatus.RESOLVED}),
        ComplaintStatus.IN_PROGRESS: frozenset({ComplaintStatus.RESOLVED}),
        ComplaintStatus.RESOLVED: frozenset({ComplaintStatus.CLOSED, ComplaintStatus.IN_PROGRESS}),
        ComplaintStatus.CLOSED: frozenset({ComplaintStatus.IN_PROGRESS}),
    }
)
UNFINISHED: Final = frozenset({ComplaintStatus.OPEN, ComplaintStatus.IN_PROGRESS})

_CAUSES: Final[Mapping[ComplaintType, Cause]] = MappingProxyType(
    {
        ComplaintType.NETWORK: Cause.NETWORK_FAULT,
        ComplaintType.BILLING: Cause.BILLING,
        ComplaintType.SERVICE: Cause.SERVICE,
        ComplaintType.DEVICE: Cause.DEVICE,
        ComplaintType.CONTRACT: Cause.TERMS,
    }
)
# Handed on so often, a complaint belongs to nobody: it is shown to whoever leads the team.
PING_PONG_TRANSFERS: Final = 2
_MANAGER_AFTER: Final = timedelta(hours=24)
_CRITICAL_SHARE: Final = 0.25
_MAJOR_SHARE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a complaint must hold before it may be resolved and closed."""

    root_cause: str | None
    action_taken: str | None
    subscriber_confirmed: bool


def severity_of(type: ComplaintType, fault: NetworkFault | None) -> Severity:  # the field's own name
    if fault is NetworkFault.OUTAGE or type is ComplaintType.PRIVACY:
        return Severity.CRITICAL
    if fault is not None or type is ComplaintType.BILLING:
        return Severity.MAJOR
    return Severity.MINOR


def cause_of(type: ComplaintType, fault: NetworkFault | None) -> Cause:  # the field's own name
    return Cause.NETWORK_FAULT if fault else _CAUSES.get(type, Cause.UNKNOWN)


def due_at(occurred_at: datetime, promise_hours: int, severity: Severity, calendar: WorkingCalendar) -> datetime:
    """Apply the touchpoint's one promise, in working hours.

    What is worse is due in half or a quarter of it, never less than an hour.
    """
    share = {Severity.CRITICAL: _CRITICAL_SHARE, Severity.MAJOR: _MAJOR_SHARE, Severity.MINOR: 1.0}[severity]
    return calendar.add(occurred_at, max(timedelta(hours=promise_hours) * share, timedelta(hours=1)))


def escalation_of(status: ComplaintStatus, due: datetime, at: datetime) -> Escalation:
    """Name who must know: nobody up to the due time, the team lead after it, a day later the manager."""
    if status not in UNFINISHED or at <= due:
        return Escalation.NONE
    return Escalation.MANAGER if at > due + _MANAGER_AFTER else Escalation.TEAM_LEAD


def sla_met(resolved_at: datetime | None, due: datetime, at: datetime) -> bool | None:
    """Tell whether the promise was kept; None while it still can be."""
    if resolved_at is not None:
        return resolved_at <= due
    return None if at <= due else False


def is_ping_pong(transfers: int) -> bool:
    return transfers >= PING_PONG_TRANSFERS


def missing_evidence(status: ComplaintStatus, evidence: Evidence) -> list[str]:
    """Name the fields a complaint still needs before it may have this status."""
    needed = {
        "root_cause": status in {ComplaintStatus.RESOLVED, ComplaintStatus.CLOSED} and not evidence.root_cause,
        "action_taken": status in {ComplaintStatus.RESOLVED, ComplaintStatus.CLOSED} and not evidence.action_taken,
        "subscriber_confirmed": status is ComplaintStatus.CLOSED and not evidence.subscriber_confirmed,
    }
    return [name for name, missing in needed.items() if missing]
