"""The fast lane of POST /v1/interactions: contacts that arrive together are committed together."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import to_json
from sqlalchemy.ext.asyncio import AsyncSession

from app.routers.deps import Resources
from app.routers.flights import JointLane
from app.routers.interactions import router as contacts_router
from app.routers.lanes import route_of
from app.schemas.interactions import InteractionCreate, InteractionRead
from app.services.arrivals import Arrival, Desk
from app.services.idempotency import Answer
from app.services.joint_recording import record_together


class ContactLane(JointLane):
    route = route_of(contacts_router, "record_interaction")
    scope = "interactions:write"
    schema = InteractionCreate
    most_together = 256

    async def write(
        self, session: AsyncSession, _: Resources, desk: Desk, arrived: Sequence[Arrival]
    ) -> Sequence[Answer | None]:
        return await record_together(session, desk, arrived, _shown)


def _shown(row: Mapping[str, Any], contact: InteractionCreate) -> bytes:
    """Show a contact that was recorded a moment ago, in the words in which it came."""
    columns = {name: row[name] for name in InteractionRead.model_fields}
    return to_json(columns | {"reason": contact.reason, "request": contact.request})
