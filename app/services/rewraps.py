"""Changing the master key: what was sealed under an earlier one is sealed anew under the first of the settings."""

from collections.abc import Callable

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import Sessions, transaction
from app.models import IdempotencyAnswer, Subscriber
from app.services.retention import PAGE, pages
from app.services.subscribers import one_of, phone_index, read_contact
from app.vault import Vault


async def rewrap(sessions: Sessions, vault: Vault, show: Callable[[float], object]) -> int:
    """Seal every subscriber's data key anew, and make the phone's digest with the same key; returns how many it were.

    In small transactions: whatever stops it, what is done is done, and the next run goes on. `show` takes the share
    that is done, 0…1.
    """
    async with transaction(sessions) as session:
        total = await session.scalar(select(func.count()).select_from(Subscriber)) or 0
    changed, seen = 0, 0
    async for ids in pages(sessions):
        async with transaction(sessions) as session:
            changed += await _rewrap_page(session, vault, ids)
        seen += PAGE
        show(min(1.0, seen / max(total, 1)))
    return changed


async def _rewrap_page(session: AsyncSession, vault: Vault, ids: list[str]) -> int:
    held = await session.scalars(
        select(Subscriber).where(one_of(ids)).order_by(Subscriber.subscriber_id).with_for_update()
    )
    stale = [person for person in held if not vault.is_current(person.data_key)]
    for person in stale:
        contact = read_contact(person, vault)
        person.data_key = vault.resealed(person.data_key, person.subscriber_id)
        person.phone_index = phone_index(contact, vault)
    return len(stale)


async def count_answers_of_other_keys(sessions: Sessions, vault: Vault) -> int:
    """Count the kept answers that an earlier key sealed: they go of themselves, and until then it is needed."""
    async with transaction(sessions) as session:
        prefix = func.substring(IdempotencyAnswer.body, 1, len(vault.key_id))
        query = select(func.count()).where(prefix != vault.key_id)
        return await session.scalar(query) or 0
