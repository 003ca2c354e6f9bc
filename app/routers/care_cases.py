from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from app.domain.care_cases import CareStage, activity_of, likely_cause
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
from app.routers.unit_of_work import UnitOfWorkRoute
from app.schemas.base import Label, Page, SubscriberId, as_page, decode_id_cursor
from app.schemas.care_cases import CareCaseRead, CareCaseUpdate, CareProfileRead
from app.services import care_cases
from app.services.care_cases import Seen
from app.vault import Vault

router = APIRouter(tags=["care"], route_class=UnitOfWorkRoute)

Id = Annotated[UUID, Path()]


@router.get(
    "/v1/care-cases",
    operation_id="list_care_cases",
    summary="The pool of dissatisfied subscribers, latest opened first",
    dependencies=[allow("care:read")],
    responses=reads(),
)
async def list_care_cases(
    session: SessionDep,
    resources: ResourcesDep,
    at: AtDep,
    subscriber_id: Annotated[SubscriberId | None, Query()] = None,
    stage: Annotated[CareStage | None, Query()] = None,
    owner: Annotated[Label | None, Query()] = None,
    open: Annotated[bool | None, Query()] = None,  # noqa: A002  # its name in the query
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[CareCaseRead]:
    asked = care_cases.wanted(is_open=open, subscriber_id=subscriber_id, stage=stage, owner=owner)
    before = decode_id_cursor(cursor) if cursor is not None else None
    rows = await care_cases.list_care_cases(session, *asked, at=at, before=before, limit=limit + 1)
    items = [_shape(seen, resources.vault) for seen in rows]
    return as_page(items, limit, lambda item: (str(item.id),))


@router.get(
    "/v1/care-cases/{case_id}",
    operation_id="get_care_case",
    summary="One care case",
    dependencies=[allow("care:read")],
    responses=reads(404),
)
async def get_care_case(
    case_id: Id, session: SessionDep, resources: ResourcesDep, at: AtDep, response: Response
) -> CareCaseRead:
    return _read(await care_cases.get_care_case(session, case_id, at), resources.vault, response)


@router.patch(
    "/v1/care-cases/{case_id}",
    operation_id="update_care_case",
    summary="Move a care case on, with the evidence its stage needs",
    dependencies=[allow("care:write")],
    responses=writes(404, 409, 412, 428),
    openapi_extra=examples.body(examples.CARE_CASE_CHANGE),
)
async def update_care_case(
    case_id: Id,
    changes: CareCaseUpdate,
    if_match: IfMatch,
    session: SessionDep,
    caller: CallerDep,
    resources: ResourcesDep,
    at: AtDep,
    response: Response,
) -> CareCaseRead:
    seen = await care_cases.get_care_case(session, case_id, at, for_update=True)
    require_version(if_match, seen.case.version)
    care_cases.update_care_case(seen, resources.vault, caller, changes.model_dump(exclude_unset=True), at)
    return _read(seen, resources.vault, response)


def _read(seen: Seen, vault: Vault, response: Response) -> CareCaseRead:
    response.headers["ETag"] = etag(seen.case.version)
    return _shape(seen, vault)


def _shape(seen: Seen, vault: Vault) -> CareCaseRead:
    columns = {name: getattr(seen.case, name) for name in CareCaseRead.model_fields if hasattr(seen.case, name)}
    axes = {
        "activity": activity_of(seen.contacts),
        "profile": {name: getattr(seen.subscriber, name) for name in CareProfileRead.model_fields},
        "likely_cause": likely_cause(seen.complaint_type, seen.need),
    }
    return CareCaseRead.model_validate(columns | axes | care_cases.read_texts(seen.case, seen.subscriber, vault))
