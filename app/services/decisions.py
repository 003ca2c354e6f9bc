"""Decide and record: gather the context, let the engine decide, keep the answer with all it was decided on."""

from binascii import a2b_base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import insert_together
from app.domain.access import Caller
from app.domain.decisions.engine import decide
from app.errors import Gone, NotFound
from app.models import Decision, Reservation, Subscriber
from app.models.base import new_id
from app.schemas.decisions import DecisionCreate
from app.services import decision_signatures, ledger
from app.services.access import require_agent
from app.services.decision_answers import Shown, answer_of, as_stored
from app.services.decision_contexts import Deciding, Gathered, context_of, gather, inputs_of
from app.services.interactions import seal_text
from app.services.subscribers import hold_person

CONTEXT: Final = "decision context"


class DecisionNotFound(NotFound):
    """There is no such decision."""


class SubscriberErased(Gone):
    """The subscriber this decision was about has been erased."""


@dataclass(frozen=True, slots=True)
class Decided:
    """An answer, and what it was decided on: None if it was decided before."""

    answer: Mapping[str, Any]
    gathered: Gathered | None


async def decide_and_record(deciding: Deciding, caller: Caller, question: DecisionCreate) -> Decided:
    """Decide and record.

    The same caller asking again, for the same owner, within some minutes gets the same decision, as long as nothing new
    is known and the same rules are in force. Decisions about one person are taken one after another, by whichever id.
    Where others were faster and the ledger has less than was seen, the commit raises Outrun: then it is decided again.
    """
    session = deciding.session
    owner = require_agent(caller, question.owner)
    await hold_person(session, question.subscriber_id)
    gathered = await gather(deciding, question, owner)
    if recent := await _find_recent(session, gathered):
        return Decided(_told(question.subscriber_id, recent.answer), None)
    made = await make(deciding, caller, question, gathered)
    await record(session, [made])
    return Decided(_told(question.subscriber_id, made.answer), gathered)


class Made(NamedTuple):
    """A decision that was made: what it says, as objects and as JSON, its row, and what it holds of the ledger."""

    answer: Mapping[str, Any]
    stored: bytes
    row: Mapping[str, Any]
    reservations: Sequence[Mapping[str, Any]]


async def make(deciding: Deciding, caller: Caller, question: DecisionCreate, gathered: Gathered) -> Made:
    """Decide on what was gathered, and sign it; what earlier decisions about the person still hold is given back."""
    if gathered.held:
        await ledger.release(deciding.session, gathered.pseudonyms)
    verdicts = decide(gathered.context)
    id = new_id()
    answer = answer_of(gathered.context, verdicts, shown_of(gathered)) | {"decision_id": id, "arm": verdicts.arm}
    stored = as_stored(answer)
    row = _row(deciding, caller, question, gathered) | {"id": id, "arm": verdicts.arm.value, "answer": stored}
    row["mac"] = decision_signatures.mac_of(deciding.vault, row)
    row |= {name: row[name].decode() for name in ("inputs", "answer")}
    whose = {"pseudonym": row["pseudonym"], "decision_id": id, "settled_at": deciding.at}
    held = ledger.reservations(gathered.context, verdicts.chosen, deciding.today)
    return Made(answer, stored, row, [whose | one for one in held])


async def record(session: AsyncSession, made: Sequence[Made]) -> None:
    """Record decisions, and what they hold of the ledger."""
    held = [each for one in made for each in one.reservations]
    await insert_together(session, (Decision, [one.row for one in made]), (Reservation, held))


def _row(deciding: Deciding, caller: Caller, question: DecisionCreate, gathered: Gathered) -> dict[str, Any]:
    me = gathered.me
    said = context_of(question)
    words = deciding.vault.of(a2b_base64(me["data_key"]), me["subscriber_id"]) if said else deciding.vault
    return {
        "pseudonym": UUID(me["pseudonym"]),
        "caller_id": caller.id,
        "channel": question.channel.value,
        "direction": question.direction.value,
        "decided_at": deciding.at,
        "newest_fact": gathered.newest_fact,
        "policy_version": gathered.policy_version,
        "inputs": inputs_of(gathered),
        "context": seal_text(words, said, CONTEXT),
    }


async def preview(deciding: Deciding, question: DecisionCreate) -> Mapping[str, Any]:
    """The same computation, not recorded."""
    gathered = await gather(deciding, question, None)
    answer = answer_of(gathered.context, decide(gathered.context), shown_of(gathered))
    return _told(question.subscriber_id, answer) | {"preview": True}


def shown_of(gathered: Gathered) -> Shown:
    return Shown(gathered.score, gathered.as_of, gathered.is_stale, gathered.policy_version, gathered.currency)


def _told(subscriber_id: str, answer: Mapping[str, Any]) -> dict[str, Any]:
    return {"subscriber_id": subscriber_id, **answer}


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


async def _find_recent(session: AsyncSession, gathered: Gathered) -> Decision | None:
    recent = recent_of(gathered)
    return None if recent is None else await session.scalar(select(Decision).where(Decision.id == recent))


def recent_of(gathered: Gathered) -> UUID | None:
    """Tell what was decided a moment ago of the same facts: the newest is the same, and none came in late behind it."""
    recent = gathered.recent
    if recent is None or recent["policy"] != gathered.policy_version:
        return None
    newest_fact = datetime.fromisoformat(recent["newest_fact"])
    is_same = (newest_fact, recent["known_facts"]) == (gathered.newest_fact, gathered.known_facts)
    return UUID(recent["id"]) if is_same else None
