"""Erasure: what was known of a person goes, under every id merged into theirs."""

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import IdempotencyAnswer, Subscriber
from app.services import merges
from app.services.merges import Clerk
from app.services.subscribers import get_subscriber


async def erase_subscriber(session: AsyncSession, clerk: Clerk, subscriber_id: str) -> None:
    """Erase a subscriber and whoever is merged into them: rows, kept answers, the key to whatever a backup still holds.

    Decisions and outcomes stay, under a pseudonym that nothing connects to the subscriber any more; so does the note
    that this was done.
    """
    subscriber = await get_subscriber(session, subscriber_id, for_update=True)
    merged = select(Subscriber).where(Subscriber.merged_into == subscriber_id).order_by(Subscriber.subscriber_id)
    people = [subscriber, *(await session.scalars(merged.with_for_update()))]
    ids = [person.subscriber_id for person in people]
    await session.execute(delete(IdempotencyAnswer).where(IdempotencyAnswer.subscriber_id.in_(ids)))
    if subscriber.merged_into:
        await merges.forget_answers(session, subscriber.merged_into)
    for person in people:
        merges.note(session, clerk, "erased", person)
    await session.execute(delete(Subscriber).where(Subscriber.subscriber_id.in_(ids)))
