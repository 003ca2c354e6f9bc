from fastapi import APIRouter

from app.routers import examples
from app.routers.deps import AtDep, ResourcesDep, SessionDep, allow
from app.routers.documented import writes
from app.routers.unit_of_work import UnitOfWorkRoute
from app.schemas.scores import ScoreRead, ScoreRequest
from app.services import scores

router = APIRouter(tags=["scores"], route_class=UnitOfWorkRoute)


@router.post(
    "/v1/scores",
    operation_id="score_subscriber",
    summary="Score one subscriber, with the exact reasons",
    dependencies=[allow("scores:read")],
    responses=writes(),
    openapi_extra=examples.body(examples.SCORE),
)
async def score_subscriber(request: ScoreRequest, session: SessionDep, resources: ResourcesDep, at: AtDep) -> ScoreRead:
    answer = await scores.score(session, resources.bundles, resources.traffic, resources.settings, request, at)
    resources.metrics.scores.labels(answer.churn_kind, answer.band).inc()
    resources.metrics.stale_scores.labels(answer.churn_kind).inc(answer.stale)
    return answer
