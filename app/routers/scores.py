from typing import Any

from fastapi import APIRouter, Request, Response

from app.routers import batches, examples
from app.routers.deps import AtDep, ResourcesDep, SessionDep, allow, takes
from app.routers.documented import writes
from app.routers.unit_of_work import UnitOfWorkRoute
from app.schemas.scores import ScoreBatch, ScoreBatchRead, ScoreRead, ScoreRequest
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
    resources.metrics.scored(answer.churn_kind, answer.band, stale=answer.stale)
    return answer


@router.post(
    "/v1/scores/batch",
    operation_id="score_subscribers",
    summary="Score up to 10,000 subscribers, with an answer for each",
    status_code=207,
    response_class=Response,
    dependencies=[allow("scores:read")],
    responses={207: {"model": ScoreBatchRead, "description": "An answer for each item"}, **writes()},
    openapi_extra=takes(9) | examples.body(examples.SCORES),
)
async def score_subscribers(
    batch: ScoreBatch, session: SessionDep, resources: ResourcesDep, at: AtDep, request: Request
) -> Response:
    answers = await scores.score_many(
        session, resources.bundles, resources.traffic, resources.settings, batches.valid(batch.items), at
    )

    def show(score: dict[str, Any]) -> dict[str, Any]:
        resources.metrics.scored(score["churn_kind"], score["band"], stale=score["stale"])
        return {"status": 200, "score": score}

    return batches.answered(batch.items, answers, show, request.state.request_id)
