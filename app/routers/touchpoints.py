from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from app.domain.interactions import Channel
from app.domain.touchpoints import Category, CustomerType, JourneyStage, ServiceKind, TouchpointKind
from app.routers import examples
from app.routers.deps import After, Limit, SessionDep, allow
from app.routers.documented import reads, writes
from app.routers.unit_of_work import UnitOfWorkRoute
from app.schemas.base import Code, Page, as_page
from app.schemas.touchpoints import TouchpointRead, TouchpointWrite
from app.services import touchpoints
from app.services.touchpoints import Change

router = APIRouter(tags=["touchpoints"], route_class=UnitOfWorkRoute)


@router.get(
    "/v1/touchpoints",
    operation_id="list_touchpoints",
    summary="The touchpoint catalogue",
    dependencies=[allow("catalogue:read")],
    responses=reads(),
)
async def list_touchpoints(
    session: SessionDep,
    after: After,
    category: Annotated[Category | None, Query()] = None,
    stage: Annotated[JourneyStage | None, Query()] = None,
    kind: Annotated[TouchpointKind | None, Query()] = None,
    need: Annotated[Code | None, Query()] = None,
    customer_type: Annotated[CustomerType | None, Query(description="Those that serve it")] = None,
    service: Annotated[ServiceKind | None, Query(description="Those that serve it")] = None,
    channel: Annotated[Channel | None, Query(description="Those that use it")] = None,
    limit: Limit = 50,
) -> Page[TouchpointRead]:
    asked = touchpoints.wanted(
        customer_type=customer_type,
        service=service,
        channel=channel,
        category=category,
        stage=stage,
        kind=kind,
        need=need,
    )
    rows = await touchpoints.list_touchpoints(session, *asked, after=after, limit=limit + 1)
    items = [TouchpointRead.model_validate(row, from_attributes=True) for row in rows]
    return as_page(items, limit, lambda item: (item.code,))


@router.put(
    "/v1/touchpoints/{code}",
    operation_id="put_touchpoint",
    summary="Create a touchpoint, or replace it; one need has one promise",
    dependencies=[allow("catalogue:write")],
    responses={201: {"model": TouchpointRead, "description": "Created"}, **writes(409)},
    openapi_extra=examples.body(examples.TOUCHPOINT),
)
async def put_touchpoint(
    code: Annotated[Code, Path()], touchpoint: TouchpointWrite, session: SessionDep, response: Response
) -> TouchpointRead:
    row, change = await touchpoints.put_touchpoint(session, code, touchpoint)
    if change is Change.CREATED:
        response.status_code = 201
        response.headers["Location"] = f"/v1/touchpoints/{code}"
    return TouchpointRead.model_validate(row, from_attributes=True)


@router.get(
    "/v1/touchpoints/{code}",
    operation_id="get_touchpoint",
    summary="One touchpoint",
    dependencies=[allow("catalogue:read")],
    responses=reads(404),
)
async def get_touchpoint(code: Annotated[Code, Path()], session: SessionDep) -> TouchpointRead:
    return TouchpointRead.model_validate(await touchpoints.get_touchpoint(session, code), from_attributes=True)
