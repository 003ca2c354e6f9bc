"""A caller's own name for a fact: its second arrival finds the first."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import lock
from app.domain.access import Caller
from app.models import ClientReference


async def find_reference(session: AsyncSession, caller: Caller, noun: str, reference: str) -> ClientReference | None:
    """Find what the caller named so before, holding the name until the transaction ends.

    Two arrivals at once are thereby still first and second.
    """
    await lock(session, noun, str(caller.id), reference)
    return await session.get(ClientReference, (caller.id, noun, reference))


def keep_reference(
    session: AsyncSession, caller: Caller, noun: str, reference: str, subscriber_id: str | None, fact_id: UUID
) -> None:
    session.add(
        ClientReference(
            caller_id=caller.id, noun=noun, reference=reference, subscriber_id=subscriber_id, fact_id=fact_id
        )
    )
