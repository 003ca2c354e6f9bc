from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from app.domain.complaints import ComplaintStatus
from app.models import Complaint, ComplaintStep, Subscriber
from app.routers import examples
from app.routers.deps import (
    Cursor,
    IfMatch,
    Limit,
    SessionDep,
    allow,
    etag,
    require_version,
)
from app.routers.desk import DeskDep
from app.routers.documented import reads, writes
from app.routers.unit_of_work import Once, UnitOfWorkRoute
from app.schemas.base import Label, Page, SubscriberId, as_page, decode_id_cursor
from app.schemas.complaints import ComplaintCreate, ComplaintRead, ComplaintStepRead, ComplaintUpdate
from app.services import complaints
from app.services.complaints import Desk

router = APIRouter(tags=["complaints"], route_class=UnitOfWorkRoute)

Id = Annotated[UUID, Path()]


@router.post(
    "/v1/complaints",
    operation_id="open_complaint",
    summary="Open a complaint; its severity, cause and due time follow from rules",
    status_code=201,
    dependencies=[allow("complaints:write"), Once],
    responses={
        200: {"model": ComplaintRead, "description": "This client_reference was opened before"},
        **writes(409),
    },
    openapi_extra=examples.body(examples.COMPLAINT),
)
async def open_complaint(
    complaint: ComplaintCreate, session: SessionDep, desk: DeskDep, response: Response
) -> ComplaintRead:
    row, subscriber, is_new = await complaints.open_complaint(session, desk, complaint)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/v1/complaints/{row.id}"
    return _read(row, subscriber, desk, response)


@router.get(
    "/v1/complaints",
    operation_id="list_complaints",
    summary="Complaints, latest opened first",
    dependencies=[allow("complaints:read")],
    responses=reads(),
)
async def list_complaints(
    session: SessionDep,
    desk: DeskDep,
    subscriber_id: Annotated[SubscriberId | None, Query()] = None,
    status: Annotated[ComplaintStatus | None, Query()] = None,
    owner: Annotated[Label | None, Query()] = None,
    team: Annotated[Label | None, Query()] = None,
    escalated: Annotated[bool | None, Query(description="Unfinished and past its due time")] = None,
    ping_pong: Annotated[bool | None, Query(description="Handed on twice or more")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[ComplaintRead]:
    asked = complaints.wanted(
        desk.at,
        escalated=escalated,
        ping_pong=ping_pong,
        subscriber_id=subscriber_id,
        status=status,
        owner=owner,
        team=team,
    )
    before = decode_id_cursor(cursor) if cursor is not None else None
    rows = await complaints.list_complaints(session, *asked, before=before, limit=limit + 1)
    items = [_shape(row, subscriber, desk) for row, subscriber in rows]
    return as_page(items, limit, lambda item: (str(item.id),))


@router.get(
    "/v1/complaints/{complaint_id}",
    operation_id="get_complaint",
    summary="One complaint",
    dependencies=[allow("complaints:read")],
    responses=reads(404),
)
async def get_complaint(complaint_id: Id, session: SessionDep, desk: DeskDep, response: Response) -> ComplaintRead:
    row, subscriber = await complaints.get_complaint(session, complaint_id)
    return _read(row, subscriber, desk, response)


@router.get(
    "/v1/complaints/{complaint_id}/steps",
    operation_id="list_complaint_steps",
    summary="Who held a complaint, in which status, since when",
    dependencies=[allow("complaints:read")],
    responses=reads(404),
)
async def list_complaint_steps(complaint_id: Id, session: SessionDep) -> Page[ComplaintStepRead]:
    row, _ = await complaints.get_complaint(session, complaint_id)
    steps = [ComplaintStepRead.model_validate(_columns(step)) for step in await complaints.list_steps(session, row)]
    return Page(items=steps, next_cursor=None)


@router.patch(
    "/v1/complaints/{complaint_id}",
    operation_id="update_complaint",
    summary="Move a complaint on, with the evidence its status needs",
    dependencies=[allow("complaints:write")],
    responses=writes(404, 409, 412, 428),
    openapi_extra=examples.body(examples.COMPLAINT_CHANGE),
)
async def update_complaint(
    complaint_id: Id,
    changes: ComplaintUpdate,
    if_match: IfMatch,
    session: SessionDep,
    desk: DeskDep,
    response: Response,
) -> ComplaintRead:
    row, subscriber = await complaints.get_complaint(session, complaint_id, for_update=True)
    require_version(if_match, row.version)
    await complaints.update_complaint(session, desk, row, subscriber, changes.model_dump(exclude_unset=True))
    return _read(row, subscriber, desk, response)


def _read(row: Complaint, subscriber: Subscriber, desk: Desk, response: Response) -> ComplaintRead:
    response.headers["ETag"] = etag(row.version)
    return _shape(row, subscriber, desk)


def _shape(row: Complaint, subscriber: Subscriber, desk: Desk) -> ComplaintRead:
    columns = {name: getattr(row, name) for name in ComplaintRead.model_fields if hasattr(row, name)}
    told = complaints.told_by_the_clock(row, desk.at)
    return ComplaintRead.model_validate(columns | told | complaints.read_texts(row, subscriber, desk.vault))


def _columns(step: ComplaintStep) -> dict[str, Any]:
    return {name: getattr(step, name) for name in ComplaintStepRead.model_fields}
