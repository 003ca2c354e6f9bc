"""One person, several ids: a merge is a pointer to the id that stays. Facts never move, so it can be taken back."""

from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import delete, exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.access import Caller
from app.errors import Conflict, Invalid, NotFound
from app.models import AuditEntry, IdempotencyAnswer, Subscriber
from app.models.base import new_id
from app.services import subscribers
from app.vault import Vault

OPERATION: Final = "merge_subscriber"


class MergeWithItself(Invalid):
    """A subscriber cannot be merged with itself."""


class DuplicateUnknown(Invalid):
    """The duplicate is not a known subscriber."""


class MergeNotPossible(Conflict):
    """These two ids cannot be merged as they stand."""


class MergeNotFound(NotFound):
    """The one is not merged into the other."""


class Clerk(NamedTuple):
    """Who changes somebody's identity, when, with which keys."""

    caller: Caller
    vault: Vault
    at: datetime


async def merge(session: AsyncSession, clerk: Clerk, subscriber_id: str, duplicate_id: str) -> bool:
    """Have the duplicate point to the subscriber; tells whether that is new.

    Raises MergeNotPossible where it would make a chain, or take the duplicate from another.
    """
    if subscriber_id == duplicate_id:
        raise MergeWithItself.at("/duplicate_id", "is the subscriber itself")
    survivor, duplicate = await _hold_both(session, subscriber_id, duplicate_id)
    if duplicate is None:
        raise DuplicateUnknown.at("/duplicate_id", "is not a known subscriber")
    if duplicate.merged_into == subscriber_id:
        return False
    await _require_free(session, survivor, duplicate)
    duplicate.merged_into = subscriber_id
    _tell(session, clerk, "merged", survivor, duplicate)
    return True


async def _require_free(session: AsyncSession, survivor: Subscriber, duplicate: Subscriber) -> None:
    if survivor.merged_into:
        raise MergeNotPossible("the subscriber is itself merged into another; merge into that one")
    if duplicate.merged_into:
        raise MergeNotPossible("the duplicate is merged into another; take that back first")
    if await session.scalar(select(exists().where(Subscriber.merged_into == duplicate.subscriber_id))):
        raise MergeNotPossible("others are merged into the duplicate; merge the other way round")


async def unmerge(session: AsyncSession, clerk: Clerk, subscriber_id: str, duplicate_id: str) -> None:
    """Take a merge back: everybody has again what was recorded under their own id. Raises MergeNotFound."""
    survivor, duplicate = await _hold_both(session, subscriber_id, duplicate_id)
    if duplicate is None or duplicate.merged_into != subscriber_id:
        raise MergeNotFound("that id is not merged into this one")
    duplicate.merged_into = None
    await forget_answers(session, subscriber_id)
    _tell(session, clerk, "unmerged", survivor, duplicate)


async def _hold_both(
    session: AsyncSession, subscriber_id: str, duplicate_id: str
) -> tuple[Subscriber, Subscriber | None]:
    query = select(Subscriber).where(Subscriber.subscriber_id.in_((subscriber_id, duplicate_id)))
    # In one order for everybody, so that no two wait for each other; facts may go on being recorded.
    held = await session.scalars(query.order_by(Subscriber.subscriber_id).with_for_update(key_share=True))
    found = {row.subscriber_id: row for row in held}
    if subscriber_id not in found:
        raise subscribers.not_found()
    return found[subscriber_id], found.get(duplicate_id)


def _tell(session: AsyncSession, clerk: Clerk, event: str, survivor: Subscriber, duplicate: Subscriber) -> None:
    """Make both known as changed, and write down what was done to whom."""
    for one in (survivor, duplicate):
        subscribers.make_version(one, clerk.vault, clerk.at)
    note(session, clerk, event, duplicate, into=str(survivor.pseudonym))


def note(session: AsyncSession, clerk: Clerk, event: str, subscriber: Subscriber, **details: str) -> None:
    """Write down what was done to an identity, in words that identify nobody."""
    by = str(clerk.caller.id)
    session.add(
        AuditEntry(id=new_id(), at=clerk.at, event=event, pseudonym=subscriber.pseudonym, by=by, details=details)
    )


async def forget_answers(session: AsyncSession, subscriber_id: str) -> None:
    """Forget the answers to merges into this id: each names the other one too, and would outlive their erasure."""
    await session.execute(
        delete(IdempotencyAnswer).where(
            IdempotencyAnswer.subscriber_id == subscriber_id, IdempotencyAnswer.operation == OPERATION
        )
    )
