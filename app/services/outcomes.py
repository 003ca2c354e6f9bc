"""What became of a decided action: its answer and its result, each said once."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import lock
from app.domain import outcomes as rules
from app.domain.access import Caller
from app.errors import Conflict, Invalid
from app.models import Outcome, Subscriber
from app.models.base import new_id
from app.schemas.outcomes import OutcomeCreate
from app.services import ledger
from app.services.decisions import get_decision
from app.services.interactions import CLOCK_LEEWAY, require_past, seal_text
from app.services.subscribers import vault_of
from app.vault import Vault

REASON: Final = "outcome reason"


class OutcomeAlreadyRecorded(Conflict):
    """This action already has its final outcome."""


class ActionNotDecided(Invalid):
    """The decision did not choose this action."""


class BeforeItsDecision(Invalid):
    """An outcome cannot come before its decision."""


async def record_outcome(
    session: AsyncSession, vault: Vault, caller: Caller, decision_id: UUID, outcome: OutcomeCreate, at: datetime
) -> tuple[Outcome, Subscriber]:
    decision, subscriber = await get_decision(session, decision_id)
    if outcome.action not in {action["code"] for action in decision.answer["actions"]}:
        raise ActionNotDecided.at("/action", "is not among the actions this decision chose")
    if outcome.occurred_at < decision.decided_at - CLOCK_LEEWAY:
        raise BeforeItsDecision.at("/occurred_at", "lies before the decision")
    require_past(outcome.occurred_at, at, "/occurred_at")
    stage = rules.stage_of(outcome.outcome)
    await lock(session, "outcome", str(decision_id), outcome.action)
    if await _has_final(session, decision_id, subscriber, outcome.action, stage):
        raise OutcomeAlreadyRecorded("this action already has its final outcome")
    recorded = Outcome(
        pseudonym=subscriber.pseudonym,
        id=new_id(),
        decision_id=decision_id,
        action=outcome.action,
        outcome=outcome.outcome.value,
        stage=stage.value,
        final=rules.is_final(outcome.outcome),
        reason=seal_text(vault_of(subscriber, vault), outcome.reason, REASON),
        competitor=outcome.competitor,
        occurred_at=outcome.occurred_at,
        recorded_at=at,
        caller_id=caller.id,
    )
    session.add(recorded)
    await session.flush()
    await ledger.settle(session, decision, outcome.action, outcome.outcome, at)
    return recorded, subscriber


async def _has_final(
    session: AsyncSession, decision_id: UUID, subscriber: Subscriber, action: str, stage: rules.Stage
) -> bool:
    query = select(Outcome.id).where(
        Outcome.pseudonym == subscriber.pseudonym,
        Outcome.decision_id == decision_id,
        Outcome.action == action,
        Outcome.stage == stage.value,
        Outcome.final,
    )
    return await session.scalar(query.limit(1)) is not None
