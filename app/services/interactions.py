"""Every contact, recorded with its two answers."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.access import Caller
from app.domain.interactions import Classification, classify_need
from app.errors import Forbidden, Invalid, NotFound
from app.models import Interaction, Subscriber
from app.models.base import new_id
from app.schemas.interactions import InteractionCreate
from app.services import references, subscribers, touchpoints
from app.vault import Vault

NOUN: Final = "interaction"
CLOCK_LEEWAY: Final = timedelta(minutes=5)


class InTheFuture(Invalid):
    """A time lies in the future."""


class AgentMismatch(Forbidden):
    """The key speaks for another agent."""


class InteractionNotFound(NotFound):
    """There is no such interaction."""


async def record_interaction(
    session: AsyncSession, vault: Vault, caller: Caller, contact: InteractionCreate, at: datetime
) -> tuple[Interaction, Subscriber, bool]:
    """Record a contact; tells whether it is new, since a caller's own reference is taken once."""
    require_past(contact.occurred_at, at, "/occurred_at")
    agent_id = require_agent(caller, contact.agent_id)
    if contact.client_reference and (known := await _find_by_reference(session, caller, contact.client_reference)):
        return known, await subscribers.hold_subscriber(session, known.subscriber_id), False
    subscriber = await subscribers.hold_subscriber(session, contact.subscriber_id)
    await touchpoints.require_touchpoint(session, contact.touchpoint)
    words = subscribers.vault_of(subscriber, vault)
    need = Classification(contact.need, "stated") if contact.need else classify_need(contact.reason, contact.request)
    interaction = Interaction(
        subscriber_id=contact.subscriber_id,
        id=new_id(),
        touchpoint=contact.touchpoint,
        channel=contact.channel.value,
        direction=contact.direction.value,
        occurred_at=contact.occurred_at,
        reason=seal_text(words, contact.reason, "reason"),
        request=seal_text(words, contact.request, "request"),
        need=need.need.value,
        need_source=need.source,
        phase=contact.phase,
        agent_id=agent_id,
        rating=contact.rating,
        sentiment=contact.sentiment,
        client_reference=contact.client_reference,
        caller_id=caller.id,
        recorded_at=at,
    )
    session.add(interaction)
    if contact.client_reference:
        references.keep_reference(
            session, caller, NOUN, contact.client_reference, interaction.subscriber_id, interaction.id
        )
    await session.flush()
    return interaction, subscriber, True


async def get_interaction(session: AsyncSession, interaction_id: UUID) -> tuple[Interaction, Subscriber]:
    query = select(Interaction, Subscriber).join(Subscriber, Subscriber.subscriber_id == Interaction.subscriber_id)
    found = (await session.execute(query.where(Interaction.id == interaction_id))).first()
    if found is None:
        raise InteractionNotFound("there is no interaction with this id")
    interaction, subscriber = found
    return interaction, subscriber


async def list_interactions(
    session: AsyncSession, subscriber_id: str, *, before: tuple[datetime, UUID] | None, limit: int
) -> Sequence[Interaction]:
    """List a subscriber's contacts, latest first, from before the given one on."""
    query = (
        select(Interaction)
        .where(Interaction.subscriber_id == subscriber_id)
        .order_by(Interaction.occurred_at.desc(), Interaction.id.desc())
        .limit(limit)
    )
    if before:
        query = query.where(tuple_(Interaction.occurred_at, Interaction.id) < tuple_(*before))
    return (await session.scalars(query)).all()


def require_past(time: datetime, at: datetime, pointer: str) -> None:
    if time > at + CLOCK_LEEWAY:
        raise InTheFuture.at(pointer, "lies in the future")


def require_agent(caller: Caller, agent_id: str | None) -> str | None:
    """Return who acts; raises AgentMismatch where a key bound to one agent names another."""
    if caller.agent_id and agent_id not in {None, caller.agent_id}:
        raise AgentMismatch("the key speaks for another agent than the one named")
    return agent_id or caller.agent_id


def seal_text(words: Vault, text: str | None, field: str) -> bytes | None:
    return None if text is None else words.seal(text.encode(), field)


def unseal_text(words: Vault, sealed: bytes | None, field: str) -> str | None:
    return None if sealed is None else words.unseal(sealed, field).decode()


async def _find_by_reference(session: AsyncSession, caller: Caller, reference: str) -> Interaction | None:
    known = await references.find_reference(session, caller, NOUN, reference)
    return known and await session.get(Interaction, (known.subscriber_id, known.fact_id))
