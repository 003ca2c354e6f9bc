"""Contacts that arrive together, recorded in one transaction: each with its kept answer and its entry in the log.

Only what is plainly new is recorded so. A repetition, a refusal, or a key that somebody else holds is told apart, and
left to the transaction of its own that has the rules for it.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import ARRAY, BigInteger, LargeBinary, any_, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import insert_many
from app.domain.access import Caller, Purpose
from app.models import IdempotencyAnswer
from app.schemas.interactions import InteractionCreate
from app.services import access_entries, idempotency, interactions
from app.services.access_entries import Access
from app.services.idempotency import Answer, Write
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
    free = await _free(session, recording.caller, arrivals)
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


async def _free(session: AsyncSession, caller: Caller, arrivals: Sequence[Arrival]) -> list[int]:
    """Return the places of those that are named by no key, or by one that nobody used before or holds right now.

    The keys are held until the transaction ends.
    """
    first: dict[int, int] = {}
    for place, arrival in enumerate(arrivals):
        if arrival.write:
            first.setdefault(arrival.write.lock, place)
    if not first:
        return list(range(len(arrivals)))
    writes = [arrivals[place].write for place in first.values()]
    locks = func.unnest(cast(list(first), ARRAY(BigInteger))).column_valued("lock")
    held = set(await session.scalars(select(locks).where(func.pg_try_advisory_xact_lock(locks))))
    used = set(
        await session.scalars(
            select(IdempotencyAnswer.key_digest).where(
                IdempotencyAnswer.caller_id == caller.id,
                IdempotencyAnswer.operation == OPERATION,
                IdempotencyAnswer.key_digest
                == any_(cast([write.key_digest for write in writes if write], ARRAY(LargeBinary))),
            )
        )
    )
    return [
        place
        for place, arrival in enumerate(arrivals)
        if not (write := arrival.write)
        or (first[write.lock] == place and write.lock in held and write.key_digest not in used)
    ]


async def _keep(session: AsyncSession, recording: Recording, made: Sequence[tuple[Arrival, Answer]]) -> None:
    """Keep the answers to those that are named by a key: each subscriber is held by the contact that was recorded."""
    rows = [
        {
            "caller_id": write.caller_id,
            "operation": write.operation,
            "key_digest": write.key_digest,
            "fingerprint": recording.vault.fingerprint(write.content),
            "status": answer.status,
            "headers": json.dumps(answer.headers),
            "body": recording.vault.seal(answer.body, write.context),
            "subscriber_id": arrival.contact.subscriber_id,
            "kept_at": recording.at,
        }
        for arrival, answer in made
        if (write := arrival.write)
    ]
    await insert_many(session, IdempotencyAnswer, rows)
    if rows:
        await idempotency.sweep(session, recording.kept_since)


def _access(recording: Recording, arrival: Arrival) -> Access:
    people = frozenset({arrival.contact.subscriber_id})
    caller, at = recording.caller, recording.at
    return Access(at, caller, OPERATION, CREATED, Purpose.UNSTATED, people, arrival.request_id)
