from typing import Annotated

from fastapi import APIRouter, Query

from app.routers.deps import AtDep, ModelName, ModelVersion, ResourcesDep, SessionDep, allow
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
    name: ModelName,
    version: ModelVersion,
    session: SessionDep,
    resources: ResourcesDep,
    at: AtDep,
    days: Annotated[int, Query(ge=1, le=traffic.KEPT_DAYS, description="Whole days before today")] = drift.USUAL_DAYS,
) -> DriftRead:
    return await drift.get_drift(session, resources.settings.models_dir, resources.traffic, name, version, days, at)
