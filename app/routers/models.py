from typing import Annotated

from fastapi import APIRouter, Path

from app.routers.deps import Cursor, Limit, ResourcesDep, allow
from app.routers.documented import reads
from app.routers.unit_of_work import UnitOfWorkRoute
from app.schemas.base import Page, as_page, decode_cursor
from app.schemas.models import ModelCard, ModelSummary
from app.services import models

router = APIRouter(tags=["models"], route_class=UnitOfWorkRoute)

Name = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
Version = Annotated[str, Path(pattern=r"^[A-Za-z0-9._-]{1,64}$")]


@router.get(
    "/v1/models",
    operation_id="list_models",
    summary="Registered models, and which are active",
    dependencies=[allow("scores:read")],
    responses=reads(),
)
async def list_models(resources: ResourcesDep, limit: Limit = 50, cursor: Cursor = None) -> Page[ModelSummary]:
    after = tuple(decode_cursor(cursor, 2)) if cursor is not None else ("", "")
    found = models.list_models(resources.settings.models_dir, resources.bundles)
    later = [model for model in found if (model.name, model.version) > after]
    return as_page(later[: limit + 1], limit, lambda model: (model.name, model.version))


@router.get(
    "/v1/models/{name}/versions/{version}",
    operation_id="get_model",
    summary="One model's card: everything its manifest says",
    dependencies=[allow("scores:read")],
    responses=reads(404),
)
async def get_model(name: Name, version: Version, resources: ResourcesDep) -> ModelCard:
    return models.get_model(resources.settings.models_dir, resources.bundles, name, version)
