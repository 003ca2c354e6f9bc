"""A caller's own name for a fact: its second arrival finds the first."""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import lock
from app.domain.access import Caller
from app.models import ClientReference

# One statement however many there are: a list of VALUES would have to be compiled anew for each length.
_CLAIM: Final = text("""
    INSERT INTO client_references (caller_id, noun, reference, subscriber_id, fact_id)
    SELECT CAST(:caller_id AS uuid), :noun, new.*
    FROM unnest(CAST(:references AS text[]), CAST(:subscriber_ids AS text[]), CAST(:fact_ids AS uuid[])) AS new
    ON CONFLICT DO NOTHING RETURNING reference
""")


async def find_reference(session: AsyncSession, caller: Caller, noun: str, reference: str) -> ClientReference | None:
    """Find what the caller named so before, holding the name until the transaction ends.

    Two arrivals at once are thereby still first and second.
    """
    await lock(session, noun, str(caller.id), reference)
    return await session.get(ClientReference, (caller.id, noun, reference))


async def claim(
    session: AsyncSession, caller: Caller, noun: str, facts: Iterable[tuple[str, str, UUID]]
) -> dict[str, UUID]:
    """Name many facts at once, each (reference, subscriber, fact), and return the fact every reference stands for.

    The first to come has the name; whoever claims it at the same time waits here until that one is committed.
    """
    first = {reference: (subscriber_id, fact_id) for reference, subscriber_id, fact_id in reversed(list(facts))}
    names = sorted(first)  # in one order for everybody, so that no two wait for each other
    columns = {
        "references": names,
        "subscriber_ids": [first[name][0] for name in names],
        "fact_ids": [first[name][1] for name in names],
    }
    new = set(await session.scalars(_CLAIM, columns | {"caller_id": caller.id, "noun": noun}))
    taken = select(ClientReference.reference, ClientReference.fact_id).where(
        ClientReference.caller_id == caller.id,
        ClientReference.noun == noun,
        ClientReference.reference.in_(first.keys() - new),
    )
    known = {row.reference: row.fact_id for row in await session.execute(taken)} if len(new) < len(first) else {}
    return {name: fact_id for name, (_, fact_id) in first.items() if name in new} | known


def keep_reference(
    session: AsyncSession, caller: Caller, noun: str, reference: str, subscriber_id: str | None, fact_id: UUID
) -> None:
    session.add(
        ClientReference(
            caller_id=caller.id, noun=noun, reference=reference, subscriber_id=subscriber_id, fact_id=fact_id
        )
    )
