"""The pool of dissatisfied subscribers: one open case a person, whatever brought it about."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import lock
from app.domain import care_cases as rules
from app.domain.access import Caller
from app.domain.care_cases import CareCause, CareEvidence, CareStage
from app.errors import Conflict, Invalid, NotFound, Violation
from app.models import CareCase, Complaint, Interaction, Subscriber
from app.models.base import new_id
from app.services import subscribers
from app.services.access import require_handover
from app.vault import Vault

CARE_DESK: Final = "care-desk"
TEXTS: Final = ("analysis", "care_given")


class CareCaseNotFound(NotFound):
    """There is no such care case."""


class CareStepNotAllowed(Conflict):
    """A care case cannot take this step from where it stands."""


class CareEvidenceMissing(Invalid):
    """The care case lacks what this stage needs."""


class Seen(NamedTuple):
    """A case with whom it is about, how often they were in contact lately, and what they last came for."""

    case: CareCase
    subscriber: Subscriber
    contacts: int
    complaint_type: str | None
    need: str | None


async def join_pool(
    session: AsyncSession, subscriber: Subscriber, source: str, source_id: UUID, occurred_at: datetime, at: datetime
) -> CareCase:
    """Open a case for a dissatisfied subscriber, or add to the open one; evidence that is known changes nothing.

    What comes up again after its case was closed is news.
    """
    await lock(session, "care case", subscriber.subscriber_id)
    query = select(CareCase).where(CareCase.subscriber_id == subscriber.subscriber_id)
    cases = (await session.scalars(query.with_for_update())).all()
    if case := next((case for case in cases if _knows(case, source_id, occurred_at)), None):
        return case
    case = next((case for case in cases if case.closed_at is None), None) or _opened(session, subscriber, occurred_at)
    piece = {"source": source, "id": str(source_id), "at": occurred_at.astimezone(UTC).isoformat()}
    case.evidence = rules.with_evidence(case.evidence, piece)
    case.opened_at = min(case.opened_at, occurred_at)
    case.version += 1
    case.updated_at = at
    await session.flush()
    return case


def _opened(session: AsyncSession, subscriber: Subscriber, occurred_at: datetime) -> CareCase:
    case = CareCase(
        subscriber_id=subscriber.subscriber_id,
        id=new_id(),
        stage=CareStage.LOCATED.value,
        owner=subscriber.owner or CARE_DESK,
        evidence=[],
        opened_at=occurred_at,
        version=0,  # its first evidence makes it 1
    )
    session.add(case)
    return case


def _knows(case: CareCase, source_id: UUID, occurred_at: datetime) -> bool:
    is_among_them = any(piece["id"] == str(source_id) for piece in case.evidence)
    return is_among_them and (case.closed_at is None or occurred_at <= case.closed_at)


async def settle(
    session: AsyncSession, subscriber: Subscriber, source_id: UUID, given: CareEvidence, vault: Vault, at: datetime
) -> None:
    """Close the open case that one thing alone brought about, with what settled that: nobody need do it twice.

    A case with other evidence, or that somebody works on, stays with its owner.
    """
    await lock(session, "care case", subscriber.subscriber_id)
    query = select(CareCase).where(CareCase.subscriber_id == subscriber.subscriber_id, CareCase.closed_at.is_(None))
    case = await session.scalar(query.with_for_update())
    if case is not None and _rests_on(case, source_id):
        _require_evidence(CareStage.EVALUATED, given)
        _write(case, subscriber, vault, CareStage.EVALUATED, given, at)


def _rests_on(case: CareCase, source_id: UUID) -> bool:
    begun = case.stage != CareStage.LOCATED or case.cause or case.analysis or case.care_given
    return not begun and [piece["id"] for piece in case.evidence] == [str(source_id)]


async def get_care_case(session: AsyncSession, case_id: UUID, at: datetime, *, for_update: bool = False) -> Seen:
    query = _cases(at).where(CareCase.id == case_id)
    found = (await session.execute(query.with_for_update(of=CareCase) if for_update else query)).first()
    if found is None:
        raise CareCaseNotFound("there is no care case with this id")
    return Seen(*found)


async def list_care_cases(
    session: AsyncSession, *wanted: ColumnElement[bool], at: datetime, before: UUID | None, limit: int
) -> Sequence[Seen]:
    """List cases, latest opened first, from before the given one on."""
    query = _cases(at).where(*wanted)
    if before is not None:
        query = query.where(CareCase.id < before)
    return [Seen(*row) for row in await session.execute(query.order_by(CareCase.id.desc()).limit(limit))]


def _cases(at: datetime) -> Select[CareCase, Subscriber, int, str | None, str | None]:
    theirs = Interaction.subscriber_id == CareCase.subscriber_id
    lately = and_(theirs, Interaction.occurred_at > at - rules.QUARTER, Interaction.occurred_at <= at)
    contacts = select(func.count()).select_from(Interaction).where(lately).scalar_subquery()
    need = select(Interaction.need).where(theirs).order_by(Interaction.occurred_at.desc()).limit(1).scalar_subquery()
    complaints = select(Complaint.type).where(Complaint.subscriber_id == CareCase.subscriber_id)
    complaint = complaints.order_by(Complaint.occurred_at.desc()).limit(1).scalar_subquery()
    query = select(CareCase, Subscriber, contacts, complaint, need)
    return query.join(Subscriber, Subscriber.subscriber_id == CareCase.subscriber_id)


def wanted(*, is_open: bool | None, **equal: str | None) -> list[ColumnElement[bool]]:
    """The conditions of a list: what was asked for has the value."""
    return subscribers.asked_of(CareCase, equal) + subscribers.in_progress(CareCase.closed_at, is_open=is_open)


def update_care_case(seen: Seen, vault: Vault, caller: Caller, changes: dict[str, Any], at: datetime) -> None:
    """Change the given fields; raises CareStepNotAllowed or CareEvidenceMissing, naming the fields.

    A subscriber whom the care did not satisfy sends the case back to be understood better.
    """
    case, subscriber = seen.case, seen.subscriber
    stage = _asked_stage(case, changes)
    _require_step(case, stage)
    texts = read_texts(case, subscriber, vault) | {name: changes[name] for name in TEXTS if changes.get(name)}
    asked = changes.get("cause") or case.cause
    cause = CareCause(asked) if asked else None
    satisfied = changes.get("satisfied", case.satisfied)
    given = CareEvidence(cause, texts["analysis"], texts["care_given"], satisfied)
    _require_evidence(stage, given)
    if owner := changes.get("owner"):
        require_handover(caller, case.owner, owner)
        case.owner = owner
    _write(case, subscriber, vault, stage, given, at)


def _write(
    case: CareCase, subscriber: Subscriber, vault: Vault, stage: CareStage, given: CareEvidence, at: datetime
) -> None:
    words = subscribers.vault_of(subscriber, vault)
    for name in TEXTS:
        text = getattr(given, name)
        setattr(case, name, text and words.seal(text.encode(), name))
    case.stage, case.cause, case.satisfied = stage.value, given.cause, given.satisfied
    case.closed_at = at if stage is CareStage.EVALUATED else None
    case.version += 1
    case.updated_at = at


def read_texts(case: CareCase, subscriber: Subscriber, vault: Vault) -> dict[str, str | None]:
    words = subscribers.vault_of(subscriber, vault)
    sealed = {name: getattr(case, name) for name in TEXTS}
    return {name: None if value is None else words.unseal(value, name).decode() for name, value in sealed.items()}


def _asked_stage(case: CareCase, changes: dict[str, Any]) -> CareStage:
    current = CareStage(case.stage)
    if asked := changes.get("stage"):
        return CareStage(asked)
    return CareStage.ANALYSED if changes.get("satisfied") is False and current is CareStage.CARED else current


def _require_step(case: CareCase, stage: CareStage) -> None:
    current = CareStage(case.stage)
    if case.closed_at is not None:
        raise CareStepNotAllowed("the case is closed; further dissatisfaction opens another")
    if stage != current and stage not in rules.STEPS[current]:
        raise CareStepNotAllowed(f"from {current} a case can only become {', '.join(sorted(rules.STEPS[current]))}")


def _require_evidence(stage: CareStage, evidence: CareEvidence) -> None:
    if missing := rules.missing_evidence(stage, evidence):
        violations = [Violation(f"/{name}", f"is required of a case that is {stage}") for name in missing]
        raise CareEvidenceMissing(f"a case that is {stage} needs {', '.join(missing)}", violations)
