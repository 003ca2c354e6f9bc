from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic_core import to_json

from app.domain.explanations import Language
from app.domain.interactions import Channel, Direction
from app.routers import examples
from app.routers.deps import AtDep, CallerDep, Resources, ResourcesDep, SessionDep, allow
from app.routers.documented import reads, writes
from app.routers.unit_of_work import Once, UnitOfWorkRoute
from app.schemas.base import SubscriberId
from app.schemas.decisions import (
    ContestCreate,
    ContestRead,
    DecisionCreate,
    DecisionRead,
    ExplanationRead,
    PreviewRead,
    ReplayRead,
    TraceDetail,
)
from app.services import contests, decisions, explanations, replays, scores
from app.services.contests import Reviewing
from app.services.decision_answers import MOST_TRACED, show_trace
from app.services.decision_contexts import Deciding, Gathered
from app.services.replays import Replaying

router = APIRouter(tags=["decisions"], route_class=UnitOfWorkRoute)

Trace = Annotated[
    TraceDetail | None,
    Query(
        description=f"full: every action; summary: those chosen; none. Full up to {MOST_TRACED} actions, else summary"
    ),
]


@router.post(
    "/v1/decisions",
    operation_id="decide",
    summary="Decide the next best actions, and record the decision",
    status_code=201,
    dependencies=[allow("decisions:write"), Once],
    response_class=Response,
    responses={
        200: {"model": DecisionRead, "description": "Asked a moment ago: the same decision"},
        201: {"model": DecisionRead, "description": "Decided and recorded"},
        **writes(409),
    },
    openapi_extra=examples.body(examples.DECISION),
)
async def decide(question: DecisionCreate, request: Request, trace: Trace = None) -> Response:
    state, resources = request.state, request.state.resources
    decided = await decisions.decide_and_record(_deciding(request), state.caller, question)
    if decided.gathered:
        observe(resources, decided.answer, decided.gathered)
    status = 201 if decided.gathered else 200
    location = {"Location": f"/v1/decisions/{decided.answer['decision_id']}"}
    # Written as it is: it was put together of what was checked when it came in, and somebody waits for it.
    return Response(_shown(decided.answer, trace), status, location, media_type="application/json")


def _deciding(request: Request) -> Deciding:
    state, resources = request.state, request.state.resources
    known = (state.session, resources.bundles, resources.settings, resources.vault, state.at, state.caller.id)
    return Deciding(*known)


def _shown(answer: Mapping[str, Any], trace: TraceDetail | None) -> bytes:
    return to_json({**answer, "trace": show_trace(answer["trace"], trace)})


@router.get(
    "/v1/decisions/{decision_id}",
    operation_id="get_decision",
    summary="A recorded decision with its trace",
    dependencies=[allow("decisions:read")],
    responses=reads(404, 410),
)
async def get_decision(decision_id: Annotated[UUID, Path()], session: SessionDep, trace: Trace = None) -> DecisionRead:
    row, subscriber = await decisions.get_decision(session, decision_id)
    told = {"subscriber_id": subscriber.subscriber_id, **row.answer, "trace": show_trace(row.answer["trace"], trace)}
    return DecisionRead.model_validate(told)


@router.get(
    "/v1/decisions/{decision_id}/explanation",
    operation_id="explain_decision",
    summary="A recorded decision in plain words, for the person it concerns",
    dependencies=[allow("decisions:read")],
    responses=reads(404, 410),
)
async def explain_decision(
    decision_id: Annotated[UUID, Path()],
    session: SessionDep,
    resources: ResourcesDep,
    at: AtDep,
    language: Annotated[Language | None, Query(description="The operator's own if none is given")] = None,
) -> ExplanationRead:
    return await explanations.explain_decision(session, resources.settings, decision_id, language, at)


@router.post(
    "/v1/decisions/{decision_id}/replay",
    operation_id="replay_decision",
    summary="Decide again, of the same inputs, by the rules and the model of that time, and compare",
    dependencies=[allow("decisions:read")],
    responses=writes(404, 409, 410),
)
async def replay_decision(
    decision_id: Annotated[UUID, Path()], session: SessionDep, resources: ResourcesDep
) -> ReplayRead:
    replaying = Replaying(session, resources.vault, resources.bundles, resources.settings.models_dir)
    return await replays.replay(replaying, decision_id)


@router.post(
    "/v1/decisions/{decision_id}/contest",
    operation_id="contest_decision",
    summary="Have a human look at a decision; there is an alternative that weighs nobody",
    status_code=201,
    dependencies=[allow("decisions:write"), Once],
    responses={
        200: {"model": ContestRead, "description": "Contested before: the same review"},
        **writes(404, 409, 410),
    },
    openapi_extra=examples.body(examples.CONTEST),
)
async def contest_decision(
    decision_id: Annotated[UUID, Path()],
    said: ContestCreate,
    session: SessionDep,
    caller: CallerDep,
    resources: ResourcesDep,
    at: AtDep,
    response: Response,
) -> ContestRead:
    reviewing = Reviewing(session, resources.vault, resources.settings, caller, at)
    contested, is_new = await contests.contest(reviewing, decision_id, said)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/v1/decisions/{decision_id}"
    return contested


@router.get(
    "/v1/subscribers/{subscriber_id}/next-best-actions",
    operation_id="preview_next_best_actions",
    summary="What would be decided, without recording it",
    response_class=Response,
    dependencies=[allow("decisions:read")],
    responses={200: {"model": PreviewRead, "description": "The preview"}, **reads(404)},
)
async def preview_next_best_actions(
    subscriber_id: Annotated[SubscriberId, Path()],
    channel: Annotated[Channel, Query()],
    request: Request,
    direction: Annotated[Direction, Query()] = Direction.INBOUND,
    limit: Annotated[int, Query(ge=1, le=10)] = 3,
    language: Annotated[
        Language | None, Query(description="Of what to say; the operator's own if none is given")
    ] = None,
    trace: Trace = None,
) -> Response:
    known = {"subscriber_id": subscriber_id, "channel": channel, "direction": direction}
    question = DecisionCreate(**known, limit=limit, language=language)
    answer = await decisions.preview(_deciding(request), question)
    return Response(_shown(answer, trace), media_type="application/json")


def observe(resources: Resources, answer: Mapping[str, Any], gathered: Gathered) -> None:
    """Count what was decided, of which model, how old and how soon."""
    metrics, score = resources.metrics, gathered.score
    metrics.decisions.labels(answer["arm"].value).inc()
    if score and gathered.known_at:
        scores.note(resources.traffic, [score], answer["decided_at"])
        metrics.stale_scores.labels(score.bundle.manifest.churn_kind).inc(gathered.is_stale)
        # A snapshot written by another machine a moment ago may seem to come from the future.
        metrics.data_to_action.observe(max(0, (answer["decided_at"] - gathered.known_at).total_seconds()))
