from decimal import Decimal, InvalidOperation
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from app.domain.warnings import WarningKind
from app.models import Group, GroupWarning
from app.routers import examples
from app.routers.deps import (
    AtDep,
    CallerDep,
    Cursor,
    IfMatch,
    Limit,
    Resources,
    ResourcesDep,
    SessionDep,
    allow,
    etag,
    require_version,
)
from app.routers.documented import reads, writes
from app.routers.unit_of_work import Once, UnitOfWorkRoute
from app.schemas.base import CursorRefused, Label, Page, as_page, decode_cursor
from app.schemas.groups import GroupId
from app.schemas.warnings import WarningCreate, WarningRead, WarningUpdate
from app.services import warnings

router = APIRouter(tags=["warnings"], route_class=UnitOfWorkRoute)

Id = Annotated[UUID, Path()]
_CENT: Final = Decimal("0.01")


@router.get(
    "/v1/warnings",
    operation_id="list_warnings",
    summary="Groups that may be about to leave, the most revenue first",
    dependencies=[allow("care:read")],
    responses=reads(),
)
async def list_warnings(
    session: SessionDep,
    resources: ResourcesDep,
    group_id: Annotated[GroupId | None, Query()] = None,
    owner: Annotated[Label | None, Query()] = None,
    open: Annotated[bool | None, Query()] = None,  # noqa: A002  # its name in the query
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[WarningRead]:
    asked = warnings.wanted(is_open=open, group_id=group_id, owner=owner)
    after = _decoded(cursor) if cursor is not None else None
    rows = await warnings.list_warnings(session, *asked, after=after, limit=limit + 1)
    items = [_shape(warning, group, resources) for warning, group in rows]
    return as_page(items, limit, lambda item: (str(item.severity or 0), str(item.id)))


@router.post(
    "/v1/warnings",
    operation_id="report_warning",
    summary="Warn of a group: somebody heard that it thinks of leaving",
    status_code=201,
    dependencies=[allow("care:write"), Once],
    responses={200: {"model": WarningRead, "description": "The warning of it that is open"}, **writes(404, 409)},
    openapi_extra=examples.body(examples.WARNING),
)
async def report_warning(
    wanted: WarningCreate,
    session: SessionDep,
    caller: CallerDep,
    resources: ResourcesDep,
    at: AtDep,
    response: Response,
) -> WarningRead:
    (warning, group), opened = await warnings.report(session, resources.settings, caller, wanted, at)
    response.status_code = 201 if opened else 200
    response.headers["Location"] = f"/v1/warnings/{warning.id}"
    return _read(warning, group, resources, response)


@router.get(
    "/v1/warnings/{warning_id}",
    operation_id="get_warning",
    summary="One warning, with what is done about it",
    dependencies=[allow("care:read")],
    responses=reads(404),
)
async def get_warning(warning_id: Id, session: SessionDep, resources: ResourcesDep, response: Response) -> WarningRead:
    return _read(*await warnings.get_warning(session, warning_id), resources, response)


@router.patch(
    "/v1/warnings/{warning_id}",
    operation_id="update_warning",
    summary="Note what was done for the group, pass the warning on, or close it with its result",
    dependencies=[allow("care:write")],
    responses=writes(404, 409, 412, 428),
    openapi_extra=examples.body(examples.WARNING_CHANGE),
)
async def update_warning(
    warning_id: Id,
    changes: WarningUpdate,
    if_match: IfMatch,
    session: SessionDep,
    caller: CallerDep,
    resources: ResourcesDep,
    at: AtDep,
    response: Response,
) -> WarningRead:
    warning, group = await warnings.get_warning(session, warning_id, for_update=True)
    require_version(if_match, warning.version)
    warnings.update_warning(warning, caller, changes, at)
    return _read(warning, group, resources, response)


def _decoded(cursor: str) -> tuple[Decimal, UUID]:
    severity, id = decode_cursor(cursor, 2)
    try:
        known = Decimal(severity).quantize(_CENT), UUID(id)
    except (InvalidOperation, ValueError) as error:
        raise CursorRefused.at("/query/cursor", "is not a cursor of this list") from error
    if known[0].is_nan():
        raise CursorRefused.at("/query/cursor", "is not a cursor of this list")
    return known


def _read(warning: GroupWarning, group: Group, resources: Resources, response: Response) -> WarningRead:
    response.headers["ETag"] = etag(warning.version)
    return _shape(warning, group, resources)


def _shape(warning: GroupWarning, group: Group, resources: Resources) -> WarningRead:
    columns = {name: getattr(warning, name) for name in WarningRead.model_fields if hasattr(warning, name)}
    told = {"kind": WarningKind.GROUP_CHURN, "name": group.name, "currency": resources.settings.currency}
    return WarningRead.model_validate(columns | told)
