"""Decide and record: gather the context, let the engine decide, keep the answer with all it was decided on."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import lock
from app.domain.access import Caller
from app.domain.decisions.context import DecisionContext
from app.domain.decisions.engine import Verdicts, decide
from app.errors import Gone, NotFound
from app.models import Decision, Subscriber
from app.models.base import new_id
from app.schemas.decisions import DecisionCreate, DecisionRead, PreviewRead
from app.services import chain, ledger
from app.services.access import require_agent
from app.services.decision_answers import Shown, answer_of
from app.services.decision_contexts import Deciding, Gathered, context_of, gather, inputs_of
from app.services.interactions import seal_text
from app.services.subscribers import get_subscriber, hold_subscriber, vault_of

CONTEXT = "decision context"


class DecisionNotFound(NotFound):
    """There is no such decision."""


class SubscriberErased(Gone):
    """The subscriber this decision was about has been erased."""


async def decide_and_record(
    deciding: Deciding, caller: Caller, question: DecisionCreate
) -> tuple[DecisionRead, Gathered | None]:
    """Decide and record; return also what it was decided on, or None if it was decided before.

    The same caller asking again, for the same owner, within some minutes gets the same decision, as long as nothing new is known and the
    same rules are in force. Decisions about one person are taken one after another, by whichever id.
    """
    session = deciding.session
    owner = require_agent(caller, question.owner)
    subscriber = await hold_subscriber(session, question.subscriber_id)
    await lock(session, "decide", subscriber.merged_into or subscriber.subscriber_id)
    gathered = await gather(deciding, subscriber, question, owner)
    if recent := await _find_recent(session, gathered):
        return read(recent, question.subscriber_id), None
    context, verdicts, taken = await _decide_with_rights(session, deciding, gathered)
    answer = DecisionRead.model_construct(
        **answer_of(question.subscriber_id, context, verdicts, shown_of(gathered)),
        decision_id=new_id(),
        arm=verdicts.arm,
    )
    gathered = replace(gathered, context=context)
    decision = Decision(
        pseudonym=subscriber.pseudonym,
        id=answer.decision_id,
        caller_id=caller.id,
        channel=question.channel.value,
        direction=question.direction.value,
        decided_at=deciding.at,
        newest_fact=gathered.newest_fact,
        arm=verdicts.arm.value,
        policy_version=gathered.policy_version,
        inputs=inputs_of(gathered),
        context=seal_text(vault_of(subscriber, deciding.vault), context_of(question), CONTEXT),
        answer=as_stored(answer),
    )
    decision.mac = chain.mac_of(deciding.vault, decision)
    session.add(decision)
    await session.flush()
    await ledger.reserve(session, decision, taken, verdicts.chosen)
    return answer, gathered


async def _decide_with_rights(
    session: AsyncSession, deciding: Deciding, gathered: Gathered
) -> tuple[DecisionContext, Verdicts, list[ledger.Held]]:
    """Decide, and take what the choice uses up; where others were faster, decide again on what they left."""
    if gathered.held:
        await ledger.release(session, gathered.pseudonyms)
    context = gathered.context
    while True:
        verdicts = decide(context)
        taken = ledger.hold(context, verdicts.chosen, deciding.today)
        left = await ledger.take(session, context, taken, gathered.held)
        if left is None:
            return context, verdicts, taken
        context = replace(context, ledger=left)


async def preview(deciding: Deciding, question: DecisionCreate) -> PreviewRead:
    """The same computation, not recorded."""
    subscriber = await get_subscriber(deciding.session, question.subscriber_id)
    gathered = await gather(deciding, subscriber, question, None)
    verdicts = decide(gathered.context)
    answer = answer_of(question.subscriber_id, gathered.context, verdicts, shown_of(gathered))
    return PreviewRead.model_construct(**answer, preview=True)


def shown_of(gathered: Gathered) -> Shown:
    return Shown(gathered.score, gathered.as_of, gathered.is_stale, gathered.policy_version, gathered.currency)


def as_stored(answer: DecisionRead) -> dict[str, Any]:
    """The answer as the log keeps it: it does not know whom it is about."""
    stored: dict[str, Any] = answer.model_dump(mode="json", exclude={"subscriber_id"})
    return stored


async def get_decision(session: AsyncSession, decision_id: UUID) -> tuple[Decision, Subscriber]:
    """Return a decision and whom it was about; raises SubscriberErased where nobody is left to be found."""
    decision = await session.scalar(select(Decision).where(Decision.id == decision_id))
    if decision is None:
        raise DecisionNotFound("there is no decision with this id")
    query = select(Subscriber).where(Subscriber.pseudonym == decision.pseudonym)
    subscriber = await session.scalar(query.with_for_update(read=True, key_share=True))
    if subscriber is None:
        raise SubscriberErased("the subscriber this decision was about has been erased")
    return decision, subscriber


def read(decision: Decision, subscriber_id: str) -> DecisionRead:
    return DecisionRead.model_validate({**decision.answer, "subscriber_id": subscriber_id})


async def _find_recent(session: AsyncSession, gathered: Gathered) -> Decision | None:
    recent = gathered.recent
    if recent is None or recent["policy"] != gathered.policy_version:
        return None
    if datetime.fromisoformat(recent["newest_fact"]) != gathered.newest_fact:
        return None
    return await session.scalar(select(Decision).where(Decision.id == UUID(recent["id"])))
