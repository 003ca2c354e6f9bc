"""Every contact, recorded with its two answers, alone or with many others."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import Select, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import insert_many
from app.domain.access import Caller
from app.domain.interactions import Need, classify_need
from app.domain.tasks import TaskKind, TaskSource, follow_up_due
from app.errors import AppError, Invalid, NotFound
from app.models import Interaction, Subscriber
from app.models.base import new_id
from app.schemas.interactions import InteractionCreate
from app.services import access, references, subscribers, tasks, touchpoints
from app.services.subscribers import Known
from app.services.tasks import Duty
from app.vault import Vault

NOUN: Final = "interaction"
CLOCK_LEEWAY: Final = timedelta(minutes=5)


class InTheFuture(Invalid):
    """A time lies in the future."""


class InteractionNotFound(NotFound):
    """There is no such interaction."""


class VisitNotFound(NotFound):
    """There is no such visit."""


class Recorded(NamedTuple):
    """A contact as it is stored, and whether it is new: a caller's own reference is taken once."""

    row: Mapping[str, Any]
    is_new: bool


async def record_interactions(
    session: AsyncSession, vault: Vault, caller: Caller, contacts: Sequence[InteractionCreate], at: datetime
) -> list[Recorded | AppError]:
    """Record contacts, with an answer for each: stored, known by its reference, or refused for a reason of its own."""
    people = await subscribers.list_known(session, {contact.subscriber_id for contact in contacts})
    places = await touchpoints.list_known(session, {contact.touchpoint for contact in contacts})
    book = _Book(people, places, vault, caller, at)
    answers = [book.enter(contact) for contact in contacts]
    await _recall_known(session, caller, answers)
    new = [answer.row for answer in answers if isinstance(answer, Recorded) and answer.is_new]
    await insert_many(session, Interaction, new)
    await tasks.owe(session, _follow_ups(new, people), at)
    return answers


@dataclass(slots=True)
class _Book:
    """Enters contacts one by one, opening each subscriber's data key once."""

    people: Mapping[str, Known]
    places: Collection[str]
    vault: Vault
    caller: Caller
    at: datetime
    _words: dict[str, Vault] = field(default_factory=dict)

    def enter(self, contact: InteractionCreate) -> Recorded | AppError:
        try:
            return Recorded(self._row(contact), is_new=True)
        except AppError as error:
            return error

    def _row(self, contact: InteractionCreate) -> dict[str, Any]:
        require_past(contact.occurred_at, self.at, "/occurred_at")
        agent_id = access.require_agent(self.caller, contact.agent_id, "agent_id")
        if contact.subscriber_id not in self.people:
            raise subscribers.unknown()
        if contact.touchpoint not in self.places:
            raise touchpoints.unknown()
        words = self._words_of(contact.subscriber_id)
        need, need_source = _need_of(contact)
        return {
            "subscriber_id": contact.subscriber_id,
            "id": new_id(),
            "touchpoint": contact.touchpoint,
            "channel": contact.channel,
            "direction": contact.direction,
            "occurred_at": contact.occurred_at,
            "reason": seal_text(words, contact.reason, "reason"),
            "request": seal_text(words, contact.request, "request"),
            "need": need,
            "need_source": need_source,
            "phase": contact.phase,
            "agent_id": agent_id,
            "rating": contact.rating,
            "sentiment": contact.sentiment,
            "agent_sentiment": contact.agent_sentiment,
            "duration_seconds": contact.duration_seconds,
            "visit": contact.visit,
            "order_outcome": contact.order_outcome,
            "refusal_reason": contact.refusal_reason,
            "client_reference": contact.client_reference,
            "caller_id": self.caller.id,
            "recorded_at": self.at,
        }

    def _words_of(self, subscriber_id: str) -> Vault:
        words = self._words.get(subscriber_id)
        if words is None:
            words = self._words[subscriber_id] = subscribers.vault_of(self.people[subscriber_id], self.vault)
        return words


def _need_of(contact: InteractionCreate) -> tuple[Need, str]:
    if contact.need:
        return contact.need, "stated"
    told = classify_need(contact.reason, contact.request)
    return told.need, told.source


async def _recall_known(session: AsyncSession, caller: Caller, answers: list[Recorded | AppError]) -> None:
    """Claim the references of these contacts; put what was recorded before in the place of a second arrival."""
    named = {i: a.row for i, a in enumerate(answers) if isinstance(a, Recorded) and a.row["client_reference"]}
    if not named:
        return
    claims = [(row["client_reference"], row["subscriber_id"], row["id"]) for row in named.values()]
    known = await references.claim(session, caller, NOUN, claims)
    earlier = await _rows_of(session, set(known.values()) - {row["id"] for row in named.values()})
    own = {row["id"]: row for row in named.values()}
    for i, row in named.items():
        first = known[row["client_reference"]]
        if first != row["id"]:
            answers[i] = Recorded(own.get(first) or earlier[first], is_new=False)


async def _rows_of(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, dict[str, Any]]:
    if not ids:
        return {}
    rows = await session.execute(select(Interaction.__table__).where(Interaction.id.in_(ids)))
    return {row.id: dict(row._mapping) for row in rows}  # noqa: SLF001  # the documented way to a row's columns


def _follow_ups(rows: Iterable[Mapping[str, Any]], people: Mapping[str, Known]) -> Iterator[Duty]:
    """What these contacts leave to be done, by the subscriber's own manager, else by the agent who took the contact."""
    for row in rows:
        due = follow_up_due(row["need"], row["direction"], row["order_outcome"], row["occurred_at"])
        if due:
            yield Duty(
                subscriber_id=row["subscriber_id"],
                kind=TaskKind.FOLLOW_UP,
                source=TaskSource.INTERACTION,
                source_id=row["id"],
                about=row["need"],
                owner=people[row["subscriber_id"]].owner or row["agent_id"] or tasks.FOLLOW_UP_DESK,
                due_at=due,
            )


async def get_interaction(session: AsyncSession, interaction_id: UUID) -> tuple[Interaction, Subscriber]:
    query = select(Interaction, Subscriber).join(Subscriber, Subscriber.subscriber_id == Interaction.subscriber_id)
    found = (await session.execute(query.where(Interaction.id == interaction_id))).first()
    if found is None:
        raise InteractionNotFound("there is no interaction with this id")
    interaction, subscriber = found
    return interaction, subscriber


async def list_interactions(
    session: AsyncSession, subscriber_id: str, *, before: tuple[datetime, UUID] | None, limit: int
) -> Sequence[tuple[Interaction, Subscriber]]:
    """List a person's contacts under all their ids, latest first, from before the given one on."""
    identity = await subscribers.list_identity(session, subscriber_id)
    query = _contacts_of(identity).order_by(Interaction.occurred_at.desc(), Interaction.id.desc()).limit(limit)
    if before:
        query = query.where(tuple_(Interaction.occurred_at, Interaction.id) < tuple_(*before))
    return [(interaction, subscriber) for interaction, subscriber in await session.execute(query)]


async def get_visit(session: AsyncSession, subscriber_id: str, visit: str) -> Sequence[tuple[Interaction, Subscriber]]:
    """Return a visit's contacts in the order in which they happened; raises VisitNotFound."""
    identity = await subscribers.list_identity(session, subscriber_id)
    query = _contacts_of(identity).where(Interaction.visit == visit).order_by(Interaction.occurred_at, Interaction.id)
    found = [(interaction, subscriber) for interaction, subscriber in await session.execute(query)]
    if not found:
        raise VisitNotFound("this subscriber has made no such visit")
    return found


def _contacts_of(identity: Sequence[str]) -> Select[Interaction, Subscriber]:
    query = select(Interaction, Subscriber).join(Subscriber, Subscriber.subscriber_id == Interaction.subscriber_id)
    return query.where(Interaction.subscriber_id.in_(identity))


def require_past(time: datetime, at: datetime, pointer: str) -> None:
    if time > at + CLOCK_LEEWAY:
        raise InTheFuture.at(pointer, "lies in the future")


def seal_text(words: Vault, text: str | None, field: str) -> bytes | None:
    return None if text is None else words.seal(text.encode(), field)


def unseal_text(words: Vault, sealed: bytes | None, field: str) -> str | None:
    return None if sealed is None else words.unseal(sealed, field).decode()
