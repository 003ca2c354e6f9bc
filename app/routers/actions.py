from typing import Annotated

from fastapi import APIRouter, Path

from app.models import Action
from app.routers.deps import After, Limit, SessionDep, allow
from app.routers.documented import reads
from app.routers.unit_of_work import UnitOfWorkRoute
from app.schemas.actions import ActionRead, EffectRead
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
    return ActionRead.model_validate(columns | {"effect_prior": EffectRead(mean=row.effect_mean, sd=row.effect_sd)})
