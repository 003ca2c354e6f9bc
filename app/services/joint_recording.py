"""Contacts that arrive together, recorded in one transaction: each with its kept answer and its entry in the log.

Only what is plainly new is recorded so. A repetition, a refusal, or a key that somebody else holds is told apart, and
left to the transaction of its own that has the rules for it.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.access import Caller, Purpose
from app.schemas.interactions import InteractionCreate
from app.services import access_entries, idempotency, interactions
from app.services.access_entries import Access
from app.services.idempotency import Answer, Kept, Write
from app.services.interactions import Recorded
from app.vault import Vault

OPERATION: Final = "record_interaction"
CREATED: Final = 201


class Arrival(NamedTuple):
    """A contact that somebody waits to have recorded; its write, if it is named by a key."""

    contact: InteractionCreate
    write: Write | None
    request_id: str


class Recording(NamedTuple):
    """Who records, with which keys, when, since when answers are kept, and how a contact is shown in an answer."""

    vault: Vault
    caller: Caller
    at: datetime
    kept_since: datetime
    show: Callable[[Mapping[str, Any], InteractionCreate], bytes]


async def record_together(
    session: AsyncSession, recording: Recording, arrivals: Sequence[Arrival]
) -> list[Answer | None]:
    """Record what is plainly new; returns each one's answer, and None for what is to be looked at by itself."""
    answers: list[Answer | None] = [None] * len(arrivals)
    named = {place: write for place, arrival in enumerate(arrivals) if (write := arrival.write)}
    unused = await idempotency.hold_unused(session, named)
    free = [place for place in range(len(arrivals)) if place not in named or place in unused]
    contacts = [arrivals[place].contact for place in free]
    found = await interactions.record_interactions(session, recording.vault, recording.caller, contacts, recording.at)
    for place, recorded in zip(free, found, strict=True):
        if isinstance(recorded, Recorded) and recorded.is_new:
            headers = {"content-type": "application/json", "location": f"/v1/interactions/{recorded.row['id']}"}
            answers[place] = Answer(CREATED, headers, recording.show(recorded.row, arrivals[place].contact))
    made = [(arrival, answer) for arrival, answer in zip(arrivals, answers, strict=True) if answer]
    await _keep(session, recording, made)
    await access_entries.write(session, recording.vault, [_access(recording, arrival) for arrival, _ in made])
    return answers


async def _keep(session: AsyncSession, recording: Recording, made: Sequence[tuple[Arrival, Answer]]) -> None:
    """Keep the answers to those that are named by a key: each subscriber is held by the contact that was recorded."""
    kept = [Kept(arrival.write, answer, arrival.contact.subscriber_id) for arrival, answer in made if arrival.write]
    await idempotency.keep_new(session, recording.vault, kept, recording.at)
    if kept:
        await idempotency.sweep(session, recording.kept_since)


def _access(recording: Recording, arrival: Arrival) -> Access:
    people = frozenset({arrival.contact.subscriber_id})
    caller, at = recording.caller, recording.at
    return Access(at, caller, OPERATION, CREATED, Purpose.UNSTATED, people, arrival.request_id)
