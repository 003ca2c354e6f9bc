from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from app.domain.surveys import Family, Role
from app.models import Subscriber, SurveyResponse
from app.routers import examples
from app.routers.deps import AtDep, Cursor, Limit, ResourcesDep, SessionDep, allow
from app.routers.desk import DeskDep
from app.routers.documented import reads, writes
from app.routers.unit_of_work import Once, UnitOfWorkRoute
from app.schemas.base import Code, Label, Page, SubscriberId, as_page, decode_time_cursor
from app.schemas.surveys import (
    GapsRead,
    SurveyResponseCreate,
    SurveyResponseRead,
    TargetRead,
    TargetWrite,
)
from app.services import subscribers, surveys
from app.vault import Vault

router = APIRouter(tags=["surveys"], route_class=UnitOfWorkRoute)


@router.post(
    "/v1/survey-responses",
    operation_id="record_survey_response",
    summary="Record one person's answers; an unhappy subscriber joins the pool",
    status_code=201,
    dependencies=[allow("surveys:write"), Once],
    responses={
        200: {"model": SurveyResponseRead, "description": "This client_reference was recorded before"},
        **writes(409),
    },
    openapi_extra=examples.body(examples.SURVEY_RESPONSE),
)
async def record_survey_response(
    response: SurveyResponseCreate, session: SessionDep, desk: DeskDep, answer: Response
) -> SurveyResponseRead:
    row, subscriber, is_new = await surveys.record_response(session, desk, response)
    answer.status_code = 201 if is_new else 200
    answer.headers["Location"] = f"/v1/survey-responses/{row.id}"
    return _read(row, subscriber, desk.vault)


@router.get(
    "/v1/survey-responses",
    operation_id="list_survey_responses",
    summary="A subscriber's answers, latest first",
    dependencies=[allow("surveys:read")],
    responses=reads(404),
)
async def list_survey_responses(
    subscriber_id: Annotated[SubscriberId, Query()],
    session: SessionDep,
    resources: ResourcesDep,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[SurveyResponseRead]:
    before = decode_time_cursor(cursor) if cursor is not None else None
    rows = await surveys.list_responses(session, subscriber_id, before=before, limit=limit + 1)
    items = [_read(row, subscriber, resources.vault) for row, subscriber in rows]
    return as_page(items, limit, lambda item: (item.answered_at.isoformat(), str(item.id)))


@router.get(
    "/v1/survey-responses/{response_id}",
    operation_id="get_survey_response",
    summary="One person's answers",
    dependencies=[allow("surveys:read")],
    responses=reads(404),
)
async def get_survey_response(
    response_id: Annotated[UUID, Path()], session: SessionDep, resources: ResourcesDep
) -> SurveyResponseRead:
    row, subscriber = await surveys.get_response(session, response_id)
    return _read(row, subscriber, resources.vault)


@router.get(
    "/v1/expectation-gaps",
    operation_id="list_expectation_gaps",
    summary="What was wished for, what would do and what was found, by touchpoint and quality dimension",
    dependencies=[allow("surveys:read")],
    responses=reads(),
)
async def list_expectation_gaps(
    family: Annotated[Family, Query(description="The two families are never mixed")],
    session: SessionDep,
    touchpoint: Annotated[Code | None, Query()] = None,
    survey: Annotated[Label | None, Query()] = None,
    subscriber_id: Annotated[SubscriberId | None, Query()] = None,
) -> GapsRead:
    gaps = await surveys.list_gaps(session, family, touchpoint=touchpoint, survey=survey, subscriber_id=subscriber_id)
    return GapsRead.model_validate({"family": family, "items": gaps})


@router.put(
    "/v1/satisfaction-targets/{family}/{role}",
    operation_id="put_satisfaction_target",
    summary="Set the mean score a role is held to",
    dependencies=[allow("surveys:write")],
    responses=writes(),
    openapi_extra=examples.body(examples.TARGET),
)
async def put_satisfaction_target(
    family: Annotated[Family, Path()],
    role: Annotated[Role, Path()],
    target: TargetWrite,
    session: SessionDep,
    at: AtDep,
) -> TargetRead:
    await surveys.put_target(session, family, role, target.target, at)
    return TargetRead(family=family, role=role, target=target.target, updated_at=at)


@router.get(
    "/v1/satisfaction-targets",
    operation_id="list_satisfaction_targets",
    summary="The mean scores that roles are held to",
    dependencies=[allow("surveys:read")],
    responses=reads(),
)
async def list_satisfaction_targets(session: SessionDep) -> Page[TargetRead]:
    rows = await surveys.list_targets(session)
    return Page(items=[TargetRead.model_validate(row, from_attributes=True) for row in rows], next_cursor=None)


def _read(row: SurveyResponse, subscriber: Subscriber | None, vault: Vault) -> SurveyResponseRead:
    columns = {name: getattr(row, name) for name in SurveyResponseRead.model_fields}
    comment = None
    if row.comment is not None and subscriber is not None:
        comment = subscribers.vault_of(subscriber, vault).unseal(row.comment, surveys.COMMENT).decode()
    answers = [_judged(answer) for answer in row.answers]
    return SurveyResponseRead.model_validate(columns | {"comment": comment, "answers": answers})


def _judged(answer: dict[str, Any]) -> dict[str, Any]:
    ideal, adequate, perceived = (answer[name] for name in ("ideal", "adequate", "perceived"))
    return answer | {
        "dissatisfied": None not in (perceived, adequate) and perceived < adequate,
        "inconsistent": None not in (ideal, adequate) and ideal < adequate,
    }
