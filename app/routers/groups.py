from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Path, Response

from app.models import Group
from app.routers import examples
from app.routers.deps import After, AtDep, CallerDep, Limit, ResourcesDep, SessionDep, allow, etag
from app.routers.documented import reads, writes
from app.routers.unit_of_work import UnitOfWorkRoute
from app.schemas.base import Page, as_page
from app.schemas.groups import GroupFeatures, GroupId, GroupRead, GroupWrite, MemberRead
from app.services import groups
from app.services.access import require_agent
from app.services.groups import Told

router = APIRouter(tags=["subscribers"], route_class=UnitOfWorkRoute)

Id = Annotated[GroupId, Path()]


@router.put(
    "/v1/groups/{group_id}",
    operation_id="put_group",
    summary="Create a group of subscribers, or replace what is said of it",
    dependencies=[allow("subscribers:write")],
    responses={201: {"model": GroupRead, "description": "Created"}, **writes()},
    openapi_extra=examples.body(examples.GROUP),
)
async def put_group(
    group_id: Id,
    group: GroupWrite,
    session: SessionDep,
    resources: ResourcesDep,
    caller: CallerDep,
    at: AtDep,
    response: Response,
) -> GroupRead:
    require_agent(caller, group.owner)
    row, created = await groups.put_group(session, group_id, group.model_dump(mode="json"), at)
    if created:
        response.status_code = 201
        response.headers["Location"] = f"/v1/groups/{group_id}"
    return await _read(row, session, resources, response)


@router.get(
    "/v1/groups",
    operation_id="list_groups",
    summary="Groups, with what their members tell of them",
    dependencies=[allow("subscribers:read")],
    responses=reads(),
)
async def list_groups(session: SessionDep, resources: ResourcesDep, after: After, limit: Limit = 50) -> Page[GroupRead]:
    rows = await groups.list_groups(session, after=after, limit=limit + 1)
    told = await groups.tell_of(session, [row.group_id for row in rows], resources.settings.revenue_features)
    items = [_shape(row, told.get(row.group_id, Told())) for row in rows]
    return as_page(items, limit, lambda item: (item.group_id,))


@router.get(
    "/v1/groups/{group_id}",
    operation_id="get_group",
    summary="One group, with what its members tell of it",
    dependencies=[allow("subscribers:read")],
    responses=reads(404),
)
async def get_group(group_id: Id, session: SessionDep, resources: ResourcesDep, response: Response) -> GroupRead:
    return await _read(await groups.get_group(session, group_id), session, resources, response)


@router.delete(
    "/v1/groups/{group_id}",
    operation_id="delete_group",
    summary="Delete a group that has no members",
    status_code=204,
    dependencies=[allow("subscribers:write")],
    responses=writes(404, 409),
)
async def delete_group(group_id: Id, session: SessionDep) -> None:
    await groups.delete_group(session, group_id)


@router.get(
    "/v1/groups/{group_id}/members",
    operation_id="list_group_members",
    summary="A group's members by their ids",
    dependencies=[allow("subscribers:read")],
    responses=reads(404),
)
async def list_group_members(group_id: Id, session: SessionDep, after: After, limit: Limit = 50) -> Page[MemberRead]:
    ids = await groups.list_members(session, group_id, after=after, limit=limit + 1)
    items = [MemberRead(subscriber_id=id) for id in ids]
    return as_page(items, limit, lambda item: (item.subscriber_id,))


async def _read(row: Group, session: SessionDep, resources: ResourcesDep, response: Response) -> GroupRead:
    response.headers["ETag"] = etag(row.version)
    told = await groups.tell_of(session, [row.group_id], resources.settings.revenue_features)
    return _shape(row, told.get(row.group_id, Told()))


def _shape(row: Group, told: Told) -> GroupRead:
    columns = {name: getattr(row, name) for name in GroupRead.model_fields if hasattr(row, name)}
    features = {name: value for name, value in asdict(told).items() if name in GroupFeatures.model_fields}
    return GroupRead.model_validate(columns | {"member_count": told.member_count, "features": features})
