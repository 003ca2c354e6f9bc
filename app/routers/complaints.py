from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from app.domain.complaints import ComplaintStatus
from app.models import Complaint, Subscriber
from app.routers import examples
from app.routers.deps import (
    AtDep,
    CallerDep,
    Cursor,
    IfMatch,
    Limit,
    ResourcesDep,
    SessionDep,
    allow,
    etag,
    require_version,
)
from app.routers.documented import reads, writes
from app.routers.unit_of_work import Once, UnitOfWorkRoute
from app.schemas.base import Page, SubscriberId, as_page, decode_id_cursor
from app.schemas.complaints import ComplaintCreate, ComplaintRead, ComplaintUpdate
from app.services import complaints
from app.vault import Vault

router = APIRouter(tags=["complaints"], route_class=UnitOfWorkRoute)

Id = Annotated[UUID, Path()]


@router.post(
    "/v1/complaints",
    operation_id="open_complaint",
    summary="Open a complaint; its severity, cause and due time follow from rules",
    status_code=201,
    dependencies=[allow("complaints:write"), Once],
    responses=writes(409),
    openapi_extra=examples.body(examples.COMPLAINT),
)
async def open_complaint(
    complaint: ComplaintCreate,
    session: SessionDep,
    caller: CallerDep,
    resources: ResourcesDep,
    at: AtDep,
    response: Response,
) -> ComplaintRead:
    row, subscriber = await complaints.open_complaint(session, resources.vault, caller, complaint, at)
    response.headers["Location"] = f"/v1/complaints/{row.id}"
    response.headers["ETag"] = etag(row.version)
    return _read(row, subscriber, resources.vault)


@router.get(
    "/v1/complaints",
    operation_id="list_complaints",
    summary="Complaints, latest opened first",
    dependencies=[allow("complaints:read")],
    responses=reads(),
)
async def list_complaints(
    session: SessionDep,
    resources: ResourcesDep,
    subscriber_id: Annotated[SubscriberId | None, Query()] = None,
    status: Annotated[ComplaintStatus | None, Query()] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[ComplaintRead]:
    before = decode_id_cursor(cursor) if cursor is not None else None
    rows = await complaints.list_complaints(
        session, subscriber_id=subscriber_id, status=status, before=before, limit=limit + 1
    )
    items = [_read(row, subscriber, resources.vault) for row, subscriber in rows]
    return as_page(items, limit, lambda item: (str(item.id),))


@router.get(
    "/v1/complaints/{complaint_id}",
    operation_id="get_complaint",
    summary="One complaint",
    dependencies=[allow("complaints:read")],
    responses=reads(404),
)
async def get_complaint(
    complaint_id: Id, session: SessionDep, resources: ResourcesDep, response: Response
) -> ComplaintRead:
    row, subscriber = await complaints.get_complaint(session, complaint_id)
    response.headers["ETag"] = etag(row.version)
    return _read(row, subscriber, resources.vault)


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
    caller: CallerDep,
    resources: ResourcesDep,
    at: AtDep,
    response: Response,
) -> ComplaintRead:
    row, subscriber = await complaints.get_complaint(session, complaint_id, for_update=True)
    require_version(if_match, row.version)
    said = changes.model_dump(exclude_unset=True)
    complaints.update_complaint(row, subscriber, resources.vault, caller, said, at)
    response.headers["ETag"] = etag(row.version)
    return _read(row, subscriber, resources.vault)


def _read(row: Complaint, subscriber: Subscriber, vault: Vault) -> ComplaintRead:
    columns = {name: getattr(row, name) for name in ComplaintRead.model_fields}
    return ComplaintRead.model_validate(columns | complaints.read_texts(row, subscriber, vault))
