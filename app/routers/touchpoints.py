from typing import Annotated

from fastapi import APIRouter, Path

from app.routers.deps import After, Limit, SessionDep, allow
from app.routers.documented import reads
from app.routers.unit_of_work import UnitOfWorkRoute
from app.schemas.base import Code, Page, as_page
from app.schemas.touchpoints import TouchpointRead
from app.services import touchpoints

router = APIRouter(tags=["touchpoints"], route_class=UnitOfWorkRoute)


@router.get(
    "/v1/touchpoints",
    operation_id="list_touchpoints",
    summary="The touchpoint catalogue",
    dependencies=[allow("catalogue:read")],
    responses=reads(),
)
async def list_touchpoints(session: SessionDep, after: After, limit: Limit = 50) -> Page[TouchpointRead]:
    rows = await touchpoints.list_touchpoints(session, after=after, limit=limit + 1)
    items = [TouchpointRead.model_validate(row, from_attributes=True) for row in rows]
    return as_page(items, limit, lambda item: (item.code,))


@router.get(
    "/v1/touchpoints/{code}",
    operation_id="get_touchpoint",
    summary="One touchpoint",
    dependencies=[allow("catalogue:read")],
    responses=reads(404),
)
async def get_touchpoint(code: Annotated[Code, Path()], session: SessionDep) -> TouchpointRead:
    return TouchpointRead.model_validate(await touchpoints.get_touchpoint(session, code), from_attributes=True)
