"""Decide and record: gather the context, let the engine decide, keep the answer with its inputs."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import lock
from app.domain.access import Caller
from app.domain.decisions.engine import decide
from app.errors import Gone, NotFound
from app.models import Complaint, Decision, FeatureSnapshot, Interaction, Outcome, Subscriber
from app.models.base import new_id
from app.schemas.decisions import DecisionCreate, DecisionRead, PreviewRead
from app.services.access import require_agent
from app.services.decision_answers import answer_of
from app.services.decision_contexts import Deciding, Gathered, context_of, gather, inputs_of
from app.services.interactions import seal_text
from app.services.subscribers import get_subscriber, hold_subscriber, list_identity, vault_of


class DecisionNotFound(NotFound):
    """There is no such decision."""


class SubscriberErased(Gone):
    """The subscriber this decision was about has been erased."""


async def decide_and_record(
    deciding: Deciding, caller: Caller, question: DecisionCreate
) -> tuple[DecisionRead, Gathered | None]:
    """Decide and record; return also what it was decided on, or None if it was decided before.

    The same caller asking again within some minutes gets the same decision, as long as nothing new is known.
    """
    session, at = deciding.session, deciding.at
    owner = require_agent(caller, question.owner)
    subscriber = await hold_subscriber(session, question.subscriber_id)
    await lock(session, "decide", question.subscriber_id)
    newest_fact = await _newest_fact(session, subscriber)
    recent = await _find_recent(deciding, caller, subscriber, question)
    if recent and recent.newest_fact == newest_fact:
        return read(recent, question.subscriber_id), None
    gathered = await gather(deciding, subscriber, question)
    verdicts = decide(gathered.context)
    decision_id = new_id()
    answer = DecisionRead(
        **answer_of(question, gathered, verdicts, deciding.settings.currency), decision_id=decision_id, arm=verdicts.arm
    )
    session.add(
        Decision(
            pseudonym=subscriber.pseudonym,
            id=decision_id,
            caller_id=caller.id,
            channel=question.channel.value,
            direction=question.direction.value,
            decided_at=at,
            newest_fact=newest_fact,
            arm=verdicts.arm.value,
            policy_version=gathered.policy_version,
            inputs=inputs_of(gathered, owner),
            context=seal_text(vault_of(subscriber, deciding.vault), context_of(question), "decision context"),
            answer=answer.model_dump(mode="json", exclude={"subscriber_id"}),
        )
    )
    await session.flush()
    return answer, gathered


async def preview(deciding: Deciding, question: DecisionCreate) -> PreviewRead:
    """The same computation, not recorded."""
    subscriber = await get_subscriber(deciding.session, question.subscriber_id)
    gathered = await gather(deciding, subscriber, question)
    return PreviewRead(
        **answer_of(question, gathered, decide(gathered.context), deciding.settings.currency), preview=True
    )


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


async def _find_recent(
    deciding: Deciding, caller: Caller, subscriber: Subscriber, question: DecisionCreate
) -> Decision | None:
    return await deciding.session.scalar(
        select(Decision)
        .where(
            Decision.pseudonym == subscriber.pseudonym,
            Decision.decided_at > deciding.at - timedelta(minutes=deciding.settings.same_decision_minutes),
            Decision.caller_id == caller.id,
            Decision.channel == question.channel.value,
            Decision.direction == question.direction.value,
        )
        .order_by(Decision.decided_at.desc())
        .limit(1)
    )


async def _newest_fact(session: AsyncSession, subscriber: Subscriber) -> datetime:
    """Tell when we last learned something of the subscriber, under any of their ids."""
    identity = await list_identity(session, subscriber.subscriber_id)
    of_id = {
        Interaction.recorded_at: Interaction.subscriber_id,
        Complaint.updated_at: Complaint.subscriber_id,
        FeatureSnapshot.recorded_at: FeatureSnapshot.subscriber_id,
    }
    newest: list[Any] = [
        select(func.max(when)).where(who.in_(identity)).scalar_subquery() for when, who in of_id.items()
    ]
    outcome = select(func.max(Outcome.recorded_at)).where(Outcome.pseudonym == subscriber.pseudonym).scalar_subquery()
    found = await session.scalar(select(func.greatest(subscriber.updated_at, outcome, *newest)))
    assert isinstance(found, datetime)  # noqa: S101  # greatest() skips nulls, and the profile's own time is none
    return found
