"""The fast lane of POST /v1/decisions: decisions about different people that are asked for together are made together.

They share the questions to the store and the commit. Each is thought through by itself, which takes longer than that:
so a group is small, that none of them waits long for the others.
"""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from app.routers.decisions import observe
from app.routers.decisions import router as decisions_router
from app.routers.deps import Resources
from app.routers.flights import JointLane
from app.routers.lanes import route_of
from app.schemas.decisions import DecisionCreate
from app.services.arrivals import Arrival, Desk
from app.services.decision_contexts import Deciding
from app.services.idempotency import Answer
from app.services.joint_decisions import Decided, decide_together


class DecisionLane(JointLane):
    route = route_of(decisions_router, "decide")
    scope = "decisions:write"
    schema = DecisionCreate
    most_together = 8

    async def write(
        self, session: AsyncSession, resources: Resources, desk: Desk, arrived: Sequence[Arrival]
    ) -> Sequence[Decided | None]:
        known = (resources.bundles, resources.settings, resources.vault, desk.at, desk.caller.id)
        return await decide_together(Deciding(session, *known), desk, arrived)

    def landed(self, resources: Resources, told: Decided) -> Answer:
        observe(resources, told.made.answer, told.gathered)
        return told.answer
