"""Complaints: opened with a severity, a cause, one owner and a due time; handed on and moved on with evidence."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain import complaints as rules
from app.domain.access import Caller
from app.domain.care_cases import CareEvidence, likely_cause
from app.domain.complaints import ComplaintStatus, Evidence
from app.domain.tasks import TaskKind, TaskSource, callback_due
from app.domain.working_time import WorkingCalendar
from app.errors import Conflict, Invalid, NotFound, Violation
from app.models import Complaint, ComplaintStep, Subscriber, Touchpoint
from app.models.base import new_id
from app.schemas.complaints import ComplaintCreate
from app.services import care_cases, references, subscribers, tasks, touchpoints
from app.services.access import require_agent, require_handover
from app.services.interactions import require_past, seal_text, unseal_text
from app.services.tasks import Duty
from app.vault import Vault

Wanted = list[ColumnElement[bool]]
NOUN: Final = "complaint"
UNASSIGNED: Final = "complaints-desk"
TEXTS: Final = ("description", "root_cause", "action_taken")


class ComplaintNotFound(NotFound):
    """There is no such complaint."""


class StepNotAllowed(Conflict):
    """A complaint cannot take this step from where it stands."""


class EvidenceMissing(Invalid):
    """The complaint lacks what this status needs."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Who works on complaints, when, with which keys and in which working hours."""

    caller: Caller
    vault: Vault
    calendar: WorkingCalendar
    at: datetime


async def open_complaint(
    session: AsyncSession, desk: Desk, complaint: ComplaintCreate
) -> tuple[Complaint, Subscriber, bool]:
    """Open a complaint; tells whether it is new, since a caller's own reference is taken once.

    Its one owner is the one named, else the agent who took it, else the complaints desk. Its subscriber joins the pool.
    """
    require_past(complaint.occurred_at, desk.at, "/occurred_at")
    if complaint.client_reference and (known := await _find_by_reference(session, desk, complaint.client_reference)):
        return *known, False
    subscriber = await subscribers.hold_subscriber(session, complaint.subscriber_id)
    touchpoint = await touchpoints.require_touchpoint(session, complaint.touchpoint)
    opened = _opened(complaint, subscriber, touchpoint, desk)
    session.add(opened)
    if complaint.client_reference:
        references.keep_reference(
            session, desk.caller, NOUN, complaint.client_reference, opened.subscriber_id, opened.id
        )
    await session.flush()
    session.add(_step(opened, desk))
    await care_cases.join_pool(session, subscriber, NOUN, opened.id, opened.occurred_at, desk.at)
    return opened, subscriber, True


def _opened(complaint: ComplaintCreate, subscriber: Subscriber, touchpoint: Touchpoint, desk: Desk) -> Complaint:
    severity = rules.severity_of(complaint.type, complaint.network_fault_type)
    return Complaint(
        subscriber_id=complaint.subscriber_id,
        id=new_id(),
        touchpoint=complaint.touchpoint,
        channel=complaint.channel.value,
        occurred_at=complaint.occurred_at,
        type=complaint.type.value,
        description=seal_text(subscribers.vault_of(subscriber, desk.vault), complaint.description, "description"),
        network_fault_type=complaint.network_fault_type,
        severity=severity.value,
        cause=rules.cause_of(complaint.type, complaint.network_fault_type).value,
        owner=require_agent(desk.caller, complaint.owner) or UNASSIGNED,
        team=complaint.team,
        transfer_count=0,
        reopen_count=0,
        due_at=rules.due_at(complaint.occurred_at, touchpoint.promise_hours, severity, desk.calendar),
        status=ComplaintStatus.OPEN.value,
        subscriber_confirmed=False,
        client_reference=complaint.client_reference,
        version=1,
        caller_id=desk.caller.id,
        created_at=desk.at,
        updated_at=desk.at,
    )


async def _find_by_reference(session: AsyncSession, desk: Desk, reference: str) -> tuple[Complaint, Subscriber] | None:
    known = await references.find_reference(session, desk.caller, NOUN, reference)
    return await get_complaint(session, known.fact_id) if known else None


async def get_complaint(
    session: AsyncSession, complaint_id: UUID, *, for_update: bool = False
) -> tuple[Complaint, Subscriber]:
    query = (
        select(Complaint, Subscriber)
        .join(Subscriber, Subscriber.subscriber_id == Complaint.subscriber_id)
        .where(Complaint.id == complaint_id)
    )
    found = (await session.execute(query.with_for_update(of=Complaint) if for_update else query)).first()
    if found is None:
        raise ComplaintNotFound("there is no complaint with this id")
    complaint, subscriber = found
    return complaint, subscriber


async def list_complaints(
    session: AsyncSession, *wanted: ColumnElement[bool], before: UUID | None, limit: int
) -> Sequence[tuple[Complaint, Subscriber]]:
    """List complaints, latest opened first, from before the given one on."""
    query = select(Complaint, Subscriber).join(Subscriber, Subscriber.subscriber_id == Complaint.subscriber_id)
    query = query.where(*wanted)
    if before is not None:
        query = query.where(Complaint.id < before)
    rows = await session.execute(query.order_by(Complaint.id.desc()).limit(limit))
    return [(complaint, subscriber) for complaint, subscriber in rows]


def wanted(at: datetime, *, escalated: bool | None, ping_pong: bool | None, **equal: str | None) -> Wanted:
    """The conditions of a list: what was asked for has the value."""
    conditions = subscribers.asked_of(Complaint, equal)
    if escalated is not None:
        late = and_(Complaint.status.in_(rules.UNFINISHED), Complaint.due_at < at)
        conditions.append(late if escalated else ~late)
    if ping_pong is not None:
        many = Complaint.transfer_count >= rules.PING_PONG_TRANSFERS
        conditions.append(many if ping_pong else ~many)
    return conditions


async def list_steps(session: AsyncSession, complaint: Complaint) -> Sequence[ComplaintStep]:
    query = select(ComplaintStep).where(
        ComplaintStep.subscriber_id == complaint.subscriber_id, ComplaintStep.complaint_id == complaint.id
    )
    return (await session.scalars(query.order_by(ComplaintStep.number))).all()


async def update_complaint(
    session: AsyncSession, desk: Desk, complaint: Complaint, subscriber: Subscriber, changes: dict[str, Any]
) -> None:
    """Change the given fields; raises StepNotAllowed or EvidenceMissing, naming the fields.

    Another owner is a transfer. Whoever says that the solution did not help has the complaint opened again.
    """
    status = _asked_status(complaint, changes)
    _require_step(complaint, status)
    texts = read_texts(complaint, subscriber, desk.vault) | {name: changes[name] for name in TEXTS if changes.get(name)}
    returns = status in rules.UNFINISHED  # whoever comes back unhappy confirms the next solution anew
    confirmed = not returns and bool(changes.get("subscriber_confirmed", complaint.subscriber_confirmed))
    _require_evidence(status, Evidence(texts["root_cause"], texts["action_taken"], confirmed))
    _write(complaint, subscriber, desk.vault, texts)
    complaint.subscriber_confirmed = confirmed
    moved = _hand_over(complaint, desk, changes)
    if status != complaint.status:
        await _move(session, desk, complaint, subscriber, status)
        moved = True
    complaint.version += 1
    complaint.updated_at = desk.at
    if moved:
        session.add(_step(complaint, desk))


async def reopen_unhappy(session: AsyncSession, desk: Desk, complaint_id: UUID) -> None:
    """Open a complaint again because its subscriber, called back, was not content. An unfinished one stays as it is."""
    complaint, subscriber = await get_complaint(session, complaint_id, for_update=True)
    if ComplaintStatus(complaint.status) not in rules.UNFINISHED:
        await update_complaint(session, desk, complaint, subscriber, {"subscriber_confirmed": False})


def _asked_status(complaint: Complaint, changes: dict[str, Any]) -> ComplaintStatus:
    current = ComplaintStatus(complaint.status)
    if asked := changes.get("status"):
        return ComplaintStatus(asked)
    unhappy = changes.get("subscriber_confirmed") is False and current not in rules.UNFINISHED
    return ComplaintStatus.IN_PROGRESS if unhappy else current


def _require_step(complaint: Complaint, status: ComplaintStatus) -> None:
    current = ComplaintStatus(complaint.status)
    if status != current and status not in rules.STEPS[current]:
        raise StepNotAllowed(f"from {current} a complaint can only become {', '.join(sorted(rules.STEPS[current]))}")


def _require_evidence(status: ComplaintStatus, evidence: Evidence) -> None:
    if missing := rules.missing_evidence(status, evidence):
        violations = [Violation(f"/{name}", f"is required of a complaint that is {status}") for name in missing]
        raise EvidenceMissing(f"a complaint that is {status} needs {', '.join(missing)}", violations)


def _hand_over(complaint: Complaint, desk: Desk, changes: dict[str, Any]) -> bool:
    """Give the complaint to another owner or team; tells whether it has another owner now."""
    complaint.team = changes.get("team") or complaint.team
    owner = changes.get("owner") or complaint.owner
    if owner == complaint.owner:
        return False
    require_handover(desk.caller, complaint.owner, owner)
    complaint.owner = owner
    complaint.transfer_count += 1
    return True


async def _move(
    session: AsyncSession, desk: Desk, complaint: Complaint, subscriber: Subscriber, status: ComplaintStatus
) -> None:
    """Take a step, with what follows from it: a solution is called back about, a reopened one no longer.

    What is confirmed settles its case in the pool; whoever comes back unhappy is there again.
    """
    was_finished = ComplaintStatus(complaint.status) not in rules.UNFINISHED
    complaint.status = status.value
    if status is ComplaintStatus.RESOLVED:
        complaint.resolved_at, complaint.resolved_by = desk.at, complaint.owner
        await tasks.owe(session, [_callback(complaint, desk.at)], desk.at)
    elif was_finished and status in rules.UNFINISHED:
        complaint.resolved_at, complaint.resolved_by = None, None
        complaint.reopen_count += 1
        await tasks.withdraw(session, complaint.subscriber_id, complaint.id, desk.at)
        await care_cases.join_pool(session, subscriber, NOUN, complaint.id, desk.at, desk.at)
    elif status is ComplaintStatus.CLOSED:
        texts = read_texts(complaint, subscriber, desk.vault)
        cause = likely_cause(complaint.type, None)
        given = CareEvidence(cause, texts["root_cause"], texts["action_taken"], satisfied=True)
        await care_cases.settle(session, subscriber, complaint.id, given, desk.vault, desk.at)


def _callback(complaint: Complaint, served_at: datetime) -> Duty:
    return Duty(
        subscriber_id=complaint.subscriber_id,
        kind=TaskKind.CALLBACK,
        source=TaskSource.COMPLAINT,
        source_id=complaint.id,
        about=complaint.type,
        owner=complaint.owner,
        due_at=callback_due(served_at),
    )


def _step(complaint: Complaint, desk: Desk) -> ComplaintStep:
    return ComplaintStep(
        subscriber_id=complaint.subscriber_id,
        complaint_id=complaint.id,
        number=complaint.version,
        at=desk.at,
        status=complaint.status,
        owner=complaint.owner,
        team=complaint.team,
        caller_id=desk.caller.id,
    )


def told_by_the_clock(complaint: Complaint, at: datetime) -> dict[str, Any]:
    """What follows from the time and the counts: it is nowhere stored, so it is never stale."""
    escalation = rules.escalation_of(ComplaintStatus(complaint.status), complaint.due_at, at)
    return {
        "ping_pong": rules.is_ping_pong(complaint.transfer_count),
        "sla_met": rules.sla_met(complaint.resolved_at, complaint.due_at, at),
        "escalation": escalation,
        "escalated_at": None if escalation is rules.Escalation.NONE else complaint.due_at,
    }


def read_texts(complaint: Complaint, subscriber: Subscriber, vault: Vault) -> dict[str, str | None]:
    words = subscribers.vault_of(subscriber, vault)
    return {name: unseal_text(words, getattr(complaint, name), name) for name in TEXTS}


def _write(complaint: Complaint, subscriber: Subscriber, vault: Vault, texts: dict[str, str | None]) -> None:
    words = subscribers.vault_of(subscriber, vault)
    for name in ("root_cause", "action_taken"):
        setattr(complaint, name, seal_text(words, texts[name], name))
