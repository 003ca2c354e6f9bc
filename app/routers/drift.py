from typing import Annotated

from fastapi import APIRouter, Path, Query

from app.routers.deps import AtDep, ResourcesDep, SessionDep, allow
from app.routers.documented import reads
from app.routers.unit_of_work import UnitOfWorkRoute
from app.schemas.drift import DriftRead
from app.services import drift, traffic

router = APIRouter(tags=["models"], route_class=UnitOfWorkRoute)


@router.get(
    "/v1/models/{name}/versions/{version}/drift",
    operation_id="get_drift",
    summary="How far recent traffic has moved from what the version was made on",
    dependencies=[allow("scores:read")],
    responses=reads(404),
)
async def get_drift(
    name: Annotated[str, Path(pattern=r"^[a-z][a-z0-9_-]{0,63}$")],
    version: Annotated[str, Path(pattern=r"^[A-Za-z0-9._-]{1,64}$")],
    session: SessionDep,
    resources: ResourcesDep,
    at: AtDep,
    days: Annotated[int, Query(ge=1, le=traffic.KEPT_DAYS, description="Whole days before today")] = drift.USUAL_DAYS,
) -> DriftRead:
    return await drift.get_drift(session, resources.settings.models_dir, resources.traffic, name, version, days, at)
