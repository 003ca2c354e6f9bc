from typing import Annotated

from fastapi import APIRouter, Query

from app.models import ModelActivation
from app.routers.deps import (
    AtDep,
    CallerDep,
    Cursor,
    Limit,
    ModelName,
    ModelVersion,
    ResourcesDep,
    SessionDep,
    allow,
    takes,
)
from app.routers.documented import reads, writes
from app.routers.unit_of_work import Once, UnitOfWorkRoute
from app.schemas.base import Page, as_page, decode_cursor, decode_time_cursor
from app.schemas.models import ActivatedModel, ActivationRead, ModelCard, ModelSummary, VersionRead
from app.schemas.scores import ChurnKind
from app.services import activations, models

router = APIRouter(tags=["models"], route_class=UnitOfWorkRoute)


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
    "/v1/models/activations",
    operation_id="list_model_activations",
    summary="Which model was made the active one of its kind when and by whom, latest first",
    dependencies=[allow("models:admin")],
    responses=reads(),
)
async def list_model_activations(
    session: SessionDep,
    churn_kind: Annotated[ChurnKind | None, Query()] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[ActivationRead]:
    before = decode_time_cursor(cursor) if cursor is not None else None
    rows = await activations.list_activations(session, churn_kind, before=before, limit=limit + 1)
    page = as_page(list(rows), limit, lambda row: (row.activated_at.isoformat(), str(row.id)))
    return Page(items=[_read(row) for row in page.items], next_cursor=page.next_cursor)


@router.get(
    "/v1/models/{name}/versions/{version}",
    operation_id="get_model",
    summary="One model's card: everything its manifest says",
    dependencies=[allow("scores:read")],
    responses=reads(404),
)
async def get_model(name: ModelName, version: ModelVersion, resources: ResourcesDep) -> ModelCard:
    return models.get_model(resources.settings.models_dir, resources.bundles, name, version)


@router.post(
    "/v1/models/{name}/versions/{version}/activate",
    operation_id="activate_model",
    summary="Try a model, and make it the active one of its kind; every process switches within seconds",
    dependencies=[allow("models:admin"), Once],
    responses=writes(404, 409),
    openapi_extra=takes(45),
)
async def activate_model(
    name: ModelName, version: ModelVersion, session: SessionDep, caller: CallerDep, resources: ResourcesDep, at: AtDep
) -> ActivatedModel:
    return await models.activate_model(session, resources.bundles, caller, name, version, at)


def _read(row: ModelActivation) -> ActivationRead:
    columns = {name: getattr(row, name) for name in ActivationRead.model_fields if name != "previous"}
    named = row.previous_name is not None and row.previous_version is not None
    previous = VersionRead(name=row.previous_name, version=row.previous_version) if named else None
    return ActivationRead.model_validate(columns | {"previous": previous})
