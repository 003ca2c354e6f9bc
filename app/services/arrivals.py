"""Writes that arrive together and are made in one transaction: whose key is unused, and what is kept of each answer."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.access import Caller, Purpose
from app.services import access_entries, idempotency
from app.services.access_entries import Access
from app.services.idempotency import Answer, Kept, Write
from app.vault import Vault


class Arrival(NamedTuple):
    """What somebody waits to have written, about one subscriber; how the write is named, if it is by a key."""

    body: Any
    write: Write | None
    request_id: str


class Desk(NamedTuple):
    """Who writes by which operation, when, with which keys, and since when answers are kept."""

    vault: Vault
    caller: Caller
    operation: str
    at: datetime
    kept_since: datetime


async def find_new(session: AsyncSession, arrivals: Sequence[Arrival]) -> list[int]:
    """Return the places of those that are named by no key, or by one that nobody used before or holds right now."""
    named = {place: arrival.write for place, arrival in enumerate(arrivals) if arrival.write}
    unused = await idempotency.hold_unused(session, named)
    return [place for place in range(len(arrivals)) if place not in named or place in unused]


async def keep(
    session: AsyncSession,
    desk: Desk,
    made: Mapping[int, Answer],
    arrivals: Sequence[Arrival],
    known: Mapping[str, UUID] | None = None,
) -> None:
    """Keep the answers to those that are named, each about a subscriber who is held; note all in the access log.

    `known` are their pseudonyms, where they are there already.
    """
    answered = [(arrivals[place], answer) for place, answer in made.items()]
    kept = [Kept(one.write, answer, one.body.subscriber_id) for one, answer in answered if one.write]
    await idempotency.keep_new(session, desk.vault, kept, desk.at)
    if kept:
        await idempotency.sweep(session, desk.kept_since)
    await access_entries.write(session, desk.vault, [_access(desk, *one) for one in answered], known)


def _access(desk: Desk, arrival: Arrival, answer: Answer) -> Access:
    people = frozenset({arrival.body.subscriber_id})
    return Access(desk.at, desk.caller, desk.operation, answer.status, Purpose.UNSTATED, people, arrival.request_id)
