from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Response

from app.routers import examples
from app.routers.deps import AtDep, CallerDep, ResourcesDep, SessionDep, allow
from app.routers.documented import writes
from app.routers.unit_of_work import Once, UnitOfWorkRoute
from app.schemas.outcomes import OutcomeCreate, OutcomeRead
from app.services import outcomes

router = APIRouter(tags=["outcomes"], route_class=UnitOfWorkRoute)


@router.post(
    "/v1/decisions/{decision_id}/outcomes",
    operation_id="record_outcome",
    summary="Say what became of a decided action",
    status_code=201,
    dependencies=[allow("outcomes:write"), Once],
    responses=writes(404, 409, 410),
    openapi_extra=examples.body(examples.OUTCOME),
)
async def record_outcome(
    decision_id: Annotated[UUID, Path()],
    outcome: OutcomeCreate,
    session: SessionDep,
    caller: CallerDep,
    resources: ResourcesDep,
    at: AtDep,
    response: Response,
) -> OutcomeRead:
    row, subscriber = await outcomes.record_outcome(session, resources.vault, caller, decision_id, outcome, at)
    response.headers["Location"] = f"/v1/decisions/{decision_id}"
    columns = {name: getattr(row, name) for name in OutcomeRead.model_fields if hasattr(row, name)}
    told = {"subscriber_id": subscriber.subscriber_id, "reason": outcome.reason}
    return OutcomeRead.model_validate(columns | told)
