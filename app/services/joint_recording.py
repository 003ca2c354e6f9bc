"""Contacts that arrive together, recorded in one transaction: each with its kept answer and its entry in the log.

Only what is plainly new is recorded so. A repetition, a refusal, or a key that somebody else holds is told apart, and
left to the transaction of its own that has the rules for it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.schemas.interactions import InteractionCreate
from app.services import arrivals, interactions
from app.services.arrivals import Arrival, Desk
from app.services.idempotency import Answer
from app.services.interactions import Recorded


async def record_together(
    session: AsyncSession,
    desk: Desk,
    arrived: Sequence[Arrival],
    show: Callable[[Mapping[str, Any], InteractionCreate], bytes],
) -> list[Answer | None]:
    """Record what is plainly new; returns each one's answer, and None for what is to be looked at by itself."""
    new = await arrivals.find_new(session, arrived)
    contacts = [arrived[place].body for place in new]
    found = await interactions.record_interactions(session, desk.vault, desk.caller, contacts, desk.at)
    made = {
        place: _answer(recorded.row, show(recorded.row, arrived[place].body))
        for place, recorded in zip(new, found, strict=True)
        if isinstance(recorded, Recorded) and recorded.is_new
    }
    await arrivals.keep(session, desk, made, arrived)
    return [made.get(place) for place in range(len(arrived))]


def _answer(row: Mapping[str, Any], body: bytes) -> Answer:
    return Answer(201, {"content-type": "application/json", "location": f"/v1/interactions/{row['id']}"}, body)
