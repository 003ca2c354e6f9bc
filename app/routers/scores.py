from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response

from app.routers import batches, examples
from app.routers.deps import AtDep, ResourcesDep, SessionDep, allow, takes
from app.routers.documented import BINARY, writes
from app.routers.unit_of_work import ArrowRoute, UnitOfWorkRoute
from app.schemas.scores import MOST_DRIVERS, ChurnKind, ScoreBatch, ScoreBatchRead, ScoreRead, ScoreRequest
from app.services import scores

router = APIRouter(tags=["scores"], route_class=UnitOfWorkRoute)

ARROW: Final = ArrowRoute.media_type
DEADLINE_SECONDS: Final = 9
_JSON_BODY: Final = examples.body(examples.SCORES)["requestBody"]["content"]
_BODIES: Final = {"requestBody": {"content": {**_JSON_BODY, ARROW: BINARY}}}


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
    description=(
        "Or an Arrow IPC stream of up to 200,000 rows: a column a feature, and `subscriber_id` if wanted; `churn_kind`"
        " and `drivers` in the query. The answer is one, too, with a row for each: probability, band, drivers, or a"
        " `problem`."
    ),
    responses={
        207: {"model": ScoreBatchRead, "description": "An answer for each item", "content": {ARROW: BINARY}},
        **writes(),
    },
    openapi_extra=takes(DEADLINE_SECONDS) | _BODIES,
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


async def score_columns(
    session: SessionDep,
    resources: ResourcesDep,
    at: AtDep,
    request: Request,
    churn_kind: Annotated[ChurnKind, Query()] = "port_out",
    drivers: Annotated[int, Query(ge=0, le=MOST_DRIVERS)] = 5,
) -> Response:
    from app.services.score_streams import Asking, score_stream  # noqa: PLC0415  # a worker is small until it is asked

    asking = Asking(resources.bundles, resources.traffic, resources.settings, churn_kind, drivers, at)
    answered = await score_stream(session, asking, await request.body())
    for band, times in answered.bands.items():
        resources.metrics.scored(churn_kind, band, stale=False, times=times)
    request.state.told_of = answered.looked_up
    return Response(answered.stream, 207, media_type=ARROW)


# The same operation; it is described with the other form of it.
router.routes.insert(
    0,
    ArrowRoute(
        "/v1/scores/batch",
        score_columns,
        methods=["POST"],
        operation_id="score_subscribers",
        dependencies=[allow("scores:read")],
        response_class=Response,
        include_in_schema=False,
        openapi_extra=takes(DEADLINE_SECONDS),
    ),
)
