"""Complaints: opened with a severity, a cause, one owner and a due time; moved on with evidence."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain import complaints as rules
from app.domain.access import Caller
from app.domain.complaints import ComplaintStatus, Evidence
from app.errors import Conflict, Invalid, NotFound, Violation
from app.models import Complaint, Subscriber
from app.models.base import new_id
from app.schemas.complaints import ComplaintCreate
from app.services import subscribers, touchpoints
from app.services.interactions import require_agent, require_past, seal_text, unseal_text
from app.vault import Vault

UNASSIGNED: Final = "complaints-desk"
TEXTS: Final = ("description", "root_cause", "action_taken")


class ComplaintNotFound(NotFound):
    """There is no such complaint."""


class StepNotAllowed(Conflict):
    """A complaint cannot take this step from where it stands."""


class EvidenceMissing(Invalid):
    """The complaint lacks what this status needs."""


async def open_complaint(
    session: AsyncSession, vault: Vault, caller: Caller, complaint: ComplaintCreate, at: datetime
) -> tuple[Complaint, Subscriber]:
    """Open a complaint. Its one owner is the one named, else the agent who took it, else the complaints desk."""
    require_past(complaint.occurred_at, at, "/occurred_at")
    subscriber = await subscribers.hold_subscriber(session, complaint.subscriber_id)
    touchpoint = await touchpoints.require_touchpoint(session, complaint.touchpoint)
    severity = rules.severity_of(complaint.type, complaint.network_fault_type)
    opened = Complaint(
        subscriber_id=complaint.subscriber_id,
        id=new_id(),
        touchpoint=complaint.touchpoint,
        channel=complaint.channel.value,
        occurred_at=complaint.occurred_at,
        type=complaint.type.value,
        description=seal_text(subscribers.vault_of(subscriber, vault), complaint.description, "description"),
        network_fault_type=complaint.network_fault_type,
        severity=severity.value,
        cause=rules.cause_of(complaint.type, complaint.network_fault_type).value,
        owner=require_agent(caller, complaint.owner) or UNASSIGNED,
        due_at=rules.due_at(complaint.occurred_at, touchpoint.promise_hours, severity),
        status=ComplaintStatus.OPEN.value,
        subscriber_confirmed=False,
        version=1,
        caller_id=caller.id,
        created_at=at,
        updated_at=at,
    )
    session.add(opened)
    await session.flush()
    return opened, subscriber


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
    session: AsyncSession, *, subscriber_id: str | None, status: ComplaintStatus | None, before: UUID | None, limit: int
) -> Sequence[tuple[Complaint, Subscriber]]:
    """List complaints, latest opened first, from before the given one on."""
    query = select(Complaint, Subscriber).join(Subscriber, Subscriber.subscriber_id == Complaint.subscriber_id)
    if subscriber_id is not None:
        query = query.where(Complaint.subscriber_id == subscriber_id)
    if status is not None:
        query = query.where(Complaint.status == status.value)
    if before is not None:
        query = query.where(Complaint.id < before)
    rows = await session.execute(query.order_by(Complaint.id.desc()).limit(limit))
    return [(complaint, subscriber) for complaint, subscriber in rows]


def update_complaint(
    complaint: Complaint, subscriber: Subscriber, vault: Vault, caller: Caller, changes: dict[str, Any], at: datetime
) -> None:
    """Change the given fields; raises StepNotAllowed or EvidenceMissing, naming the fields."""
    if owner := changes.get("owner"):
        require_agent(caller, owner)
    status = ComplaintStatus(changes.get("status") or complaint.status)
    if status != complaint.status and status not in rules.STEPS[ComplaintStatus(complaint.status)]:
        allowed = ", ".join(sorted(rules.STEPS[ComplaintStatus(complaint.status)]))
        raise StepNotAllowed(f"from {complaint.status} a complaint can only become {allowed}")
    texts = read_texts(complaint, subscriber, vault) | {name: changes[name] for name in TEXTS if changes.get(name)}
    returns = status in rules.UNFINISHED  # whoever comes back unhappy confirms the next solution anew
    confirmed = not returns and bool(changes.get("subscriber_confirmed", complaint.subscriber_confirmed))
    evidence = Evidence(texts["root_cause"], texts["action_taken"], confirmed)
    if missing := rules.missing_evidence(status, evidence):
        violations = [Violation(f"/{name}", f"is required of a complaint that is {status}") for name in missing]
        raise EvidenceMissing(f"a complaint that is {status} needs {', '.join(missing)}", violations)
    _write(complaint, subscriber, vault, texts)
    complaint.status, complaint.subscriber_confirmed = status.value, confirmed
    complaint.owner = owner or complaint.owner
    complaint.version += 1
    complaint.updated_at = at


def read_texts(complaint: Complaint, subscriber: Subscriber, vault: Vault) -> dict[str, str | None]:
    words = subscribers.vault_of(subscriber, vault)
    return {name: unseal_text(words, getattr(complaint, name), name) for name in TEXTS}


def _write(complaint: Complaint, subscriber: Subscriber, vault: Vault, texts: dict[str, str | None]) -> None:
    words = subscribers.vault_of(subscriber, vault)
    for name in ("root_cause", "action_taken"):
        setattr(complaint, name, seal_text(words, texts[name], name))
