from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic_core import to_json

from app.errors import AppError
from app.routers import examples
from app.routers.deps import AtDep, ResourcesDep, SessionDep, allow, takes
from app.routers.documented import writes
from app.routers.problems import problem_body, refusal_of
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
    asked = [item for item in batch.items if isinstance(item, ScoreRequest)]
    answers = iter(
        await scores.score_many(session, resources.bundles, resources.traffic, resources.settings, asked, at)
    )
    judged = [next(answers) if isinstance(item, ScoreRequest) else refusal_of(item) for item in batch.items]
    for answer in judged:
        if not isinstance(answer, AppError):
            resources.metrics.scored(answer["churn_kind"], answer["band"], stale=answer["stale"])
    told = [_item(answer, request.state.request_id) for answer in judged]
    # Written as it is: thousands of items would only be checked against the shape they were just given.
    return Response(to_json({"items": told}), 207, media_type="application/json")


def _item(answer: dict[str, Any] | AppError, request_id: str) -> dict[str, Any]:
    if isinstance(answer, AppError):
        return {"status": answer.status, "problem": problem_body(answer, request_id)}
    return {"status": 200, "score": answer}
