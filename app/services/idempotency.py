"""Writes that may be repeated: the first answer to a key is kept in the effect's own transaction."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, LargeBinary, any_, cast, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import insert_many, lock_number
from app.errors import Conflict, Invalid
from app.models import IdempotencyAnswer, Subscriber
from app.vault import Vault

SWEPT_PER_WRITE: Final = 4


class IdempotencyKeyReused(Invalid):
    """This Idempotency-Key was used for another request."""


class WriteInFlight(Conflict):
    """The same write is being done right now."""

    retry_after = 1


@dataclass(frozen=True, slots=True)
class Write:
    """One write as its key names it: scoped by caller and operation, recognised by its content."""

    caller_id: UUID
    operation: str
    key: str
    content: bytes

    @property
    def key_digest(self) -> bytes:
        return hashlib.sha256(self.key.encode()).digest()

    @property
    def lock(self) -> int:
        return lock_number("write", str(self.caller_id), self.operation, self.key)

    @property
    def context(self) -> str:
        return f"answer {self.caller_id} {self.operation} {self.key_digest.hex()}"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


async def find_answer(session: AsyncSession, vault: Vault, write: Write, since: datetime) -> Answer | None:
    """Take the write's lock until the transaction ends, and return the answer it was given since then, if any.

    Raises WriteInFlight when another request holds the lock, IdempotencyKeyReused when the content differs.
    """
    if not await session.scalar(select(func.pg_try_advisory_xact_lock(write.lock))):
        raise WriteInFlight("the same write is being done right now; ask again shortly")
    row = await session.get(IdempotencyAnswer, (write.caller_id, write.operation, write.key_digest))
    if row is None or row.kept_at < since:
        return None
    if not vault.recognises(write.content, row.fingerprint):
        raise IdempotencyKeyReused.at("/header/idempotency-key", "was used before with another request")
    return Answer(row.status, row.headers, vault.unseal(row.body, write.context))


async def keep_answer(session: AsyncSession, vault: Vault, write: Write, answer: Answer, at: datetime) -> None:
    """Keep an answer, unless it is about a subscriber who was erased while it was made."""
    # Every answer about one subscriber names them, which is what lets an erasure find it.
    subscriber_id = json.loads(answer.body).get("subscriber_id")
    if subscriber_id is not None and not await _is_held(session, subscriber_id):
        return
    key, values = _key_of(write), _values_of(vault, write, answer, subscriber_id, at)
    await session.execute(
        insert(IdempotencyAnswer)
        .values(**key, **values)
        .on_conflict_do_update(index_elements=list(key), set_=values)  # only an expired answer is still there
    )


class Kept(NamedTuple):
    """An answer that is to be kept, about a subscriber who is held."""

    write: Write
    answer: Answer
    subscriber_id: str


async def hold_unused(session: AsyncSession, writes: Mapping[int, Write]) -> set[int]:
    """Return the places of one caller's writes of one operation whose keys nobody used before or holds right now.

    Their locks are held until the transaction ends; of several writes by one key the first is meant.
    """
    first: dict[int, int] = {}
    for place, write in writes.items():
        first.setdefault(write.lock, place)
    if not first:
        return set()
    locks = func.unnest(cast(list(first), ARRAY(BigInteger))).column_valued("lock")
    held = set(await session.scalars(select(locks).where(func.pg_try_advisory_xact_lock(locks))))
    meant = [writes[place] for place in first.values()]
    used = select(IdempotencyAnswer.key_digest).where(
        IdempotencyAnswer.caller_id == meant[0].caller_id,
        IdempotencyAnswer.operation == meant[0].operation,
        IdempotencyAnswer.key_digest == any_(cast([write.key_digest for write in meant], ARRAY(LargeBinary))),
    )
    known = set(await session.scalars(used))
    return {place for lock, place in first.items() if lock in held and writes[place].key_digest not in known}


async def keep_new(session: AsyncSession, vault: Vault, kept: Sequence[Kept], at: datetime) -> None:
    """Keep answers to writes that `hold_unused` returned."""
    rows = [
        _key_of(write) | _values_of(vault, write, answer, subscriber_id, at) | {"headers": json.dumps(answer.headers)}
        for write, answer, subscriber_id in kept
    ]
    await insert_many(session, IdempotencyAnswer, rows)


def _key_of(write: Write) -> dict[str, Any]:
    return {"caller_id": write.caller_id, "operation": write.operation, "key_digest": write.key_digest}


def _values_of(vault: Vault, write: Write, answer: Answer, subscriber_id: str | None, at: datetime) -> dict[str, Any]:
    return {
        "fingerprint": vault.fingerprint(write.content),
        "status": answer.status,
        "headers": answer.headers,
        "body": vault.seal(answer.body, write.context),
        "subscriber_id": subscriber_id,
        "kept_at": at,
    }


async def _is_held(session: AsyncSession, subscriber_id: str) -> bool:
    """Keep a subscriber from being erased until the transaction ends; tells whether there is one."""
    query = select(Subscriber.subscriber_id).where(Subscriber.subscriber_id == subscriber_id)
    return await session.scalar(query.with_for_update(read=True, key_share=True)) is not None


async def sweep(session: AsyncSession, before: datetime) -> None:
    """Delete a few expired answers: each write clears up after more than one earlier, so the table stays bounded."""
    expired = (
        select(IdempotencyAnswer.caller_id, IdempotencyAnswer.operation, IdempotencyAnswer.key_digest)
        .where(IdempotencyAnswer.kept_at < before)
        .order_by(IdempotencyAnswer.kept_at)
        .limit(SWEPT_PER_WRITE)
        .with_for_update(skip_locked=True)
        .subquery()
    )
    await session.execute(
        delete(IdempotencyAnswer).where(
            IdempotencyAnswer.caller_id == expired.c.caller_id,
            IdempotencyAnswer.operation == expired.c.operation,
            IdempotencyAnswer.key_digest == expired.c.key_digest,
        )
    )


def kept_since(at: datetime, hours: int) -> datetime:
    return at - timedelta(hours=hours)
