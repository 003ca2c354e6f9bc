from typing import Annotated

from fastapi import APIRouter, Path, Response

from app.models import Action
from app.routers import examples
from app.routers.deps import After, AtDep, CallerDep, Limit, SessionDep, allow
from app.routers.documented import reads, writes
from app.routers.unit_of_work import UnitOfWorkRoute
from app.schemas.actions import ActionRead, ActionWrite, EffectPrior
from app.schemas.base import Code, Page, as_page
from app.services import actions

router = APIRouter(tags=["actions"], route_class=UnitOfWorkRoute)


@router.get(
    "/v1/actions",
    operation_id="list_actions",
    summary="The action catalogue: what we may do, for whom, at what cost and effect",
    dependencies=[allow("catalogue:read")],
    responses=reads(),
)
async def list_actions(session: SessionDep, after: After, limit: Limit = 50) -> Page[ActionRead]:
    rows = await actions.list_actions(session, after=after, limit=limit + 1)
    return as_page([_read(row) for row in rows], limit, lambda item: (item.code,))


@router.put(
    "/v1/actions/{code}",
    operation_id="put_action",
    summary="Create an action, or replace it; decisions from now on weigh it",
    dependencies=[allow("catalogue:write")],
    responses={201: {"model": ActionRead, "description": "Created"}, **writes()},
    openapi_extra=examples.body(examples.ACTION),
)
async def put_action(
    code: Annotated[Code, Path()],
    action: ActionWrite,
    session: SessionDep,
    caller: CallerDep,
    at: AtDep,
    response: Response,
) -> ActionRead:
    row, is_new = await actions.put_action(session, caller, code, action, at)
    if is_new:
        response.status_code = 201
        response.headers["Location"] = f"/v1/actions/{code}"
    return _read(row)


@router.get(
    "/v1/actions/{code}",
    operation_id="get_action",
    summary="One action",
    dependencies=[allow("catalogue:read")],
    responses=reads(404),
)
async def get_action(code: Annotated[Code, Path()], session: SessionDep) -> ActionRead:
    return _read(await actions.get_action(session, code))


def _read(row: Action) -> ActionRead:
    columns = {name: getattr(row, name) for name in ActionRead.model_fields if hasattr(row, name)}
    return ActionRead.model_validate(columns | {"effect_prior": EffectPrior(mean=row.effect_mean, sd=row.effect_sd)})
