"""The Open Inference Protocol, version 2: what KServe's clients and others ask of any server of models."""

from datetime import datetime

from fastapi import APIRouter

from app.ml.bundle import Bundle
from app.routers import examples
from app.routers.deps import AtDep, ModelName, ModelVersion, Resources, ResourcesDep, allow
from app.routers.documented import reads, writes
from app.routers.unit_of_work import UnitOfWorkRoute
from app.schemas.inference import (
    InferenceRead,
    InferenceRequest,
    ModelReadyRead,
    ServedModelRead,
)
from app.services import inference

router = APIRouter(tags=["inference"], route_class=UnitOfWorkRoute)


@router.get(
    "/v2/models/{name}",
    operation_id="get_served_model",
    summary="What a model takes and gives",
    dependencies=[allow("scores:read")],
    responses=reads(404),
)
async def get_served_model(name: ModelName, resources: ResourcesDep) -> ServedModelRead:
    return inference.describe(inference.get_served(resources.bundles, name))


@router.get(
    "/v2/models/{name}/versions/{version}",
    operation_id="get_served_version",
    summary="What a version of a model takes and gives, if it is the one that serves",
    dependencies=[allow("scores:read")],
    responses=reads(404),
)
async def get_served_version(name: ModelName, version: ModelVersion, resources: ResourcesDep) -> ServedModelRead:
    return inference.describe(inference.get_served(resources.bundles, name, version))


@router.get(
    "/v2/models/{name}/ready",
    operation_id="get_served_model_readiness",
    summary="Does a model serve",
    dependencies=[allow("scores:read")],
    responses=reads(404),
)
async def get_served_model_readiness(name: ModelName, resources: ResourcesDep) -> ModelReadyRead:
    return ModelReadyRead(name=inference.get_served(resources.bundles, name).manifest.name, ready=True)


@router.get(
    "/v2/models/{name}/versions/{version}/ready",
    operation_id="get_served_version_readiness",
    summary="Does a version of a model serve",
    dependencies=[allow("scores:read")],
    responses=reads(404),
)
async def get_served_version_readiness(
    name: ModelName, version: ModelVersion, resources: ResourcesDep
) -> ModelReadyRead:
    return ModelReadyRead(name=inference.get_served(resources.bundles, name, version).manifest.name, ready=True)


@router.post(
    "/v2/models/{name}/infer",
    operation_id="infer",
    summary="Score rows, as columns: an input a feature",
    dependencies=[allow("scores:read")],
    responses=writes(404),
    openapi_extra=examples.body(examples.INFERENCE),
)
async def infer(asked: InferenceRequest, name: ModelName, resources: ResourcesDep, at: AtDep) -> InferenceRead:
    return await _infer(inference.get_served(resources.bundles, name), asked, resources, at)


@router.post(
    "/v2/models/{name}/versions/{version}/infer",
    operation_id="infer_version",
    summary="Score rows by a version of a model, if it is the one that serves",
    dependencies=[allow("scores:read")],
    responses=writes(404),
    openapi_extra=examples.body(examples.INFERENCE),
)
async def infer_version(
    asked: InferenceRequest, name: ModelName, version: ModelVersion, resources: ResourcesDep, at: AtDep
) -> InferenceRead:
    return await _infer(inference.get_served(resources.bundles, name, version), asked, resources, at)


async def _infer(bundle: Bundle, asked: InferenceRequest, resources: Resources, at: datetime) -> InferenceRead:
    answer, bands = await inference.infer(bundle, asked, resources.traffic, resources.settings, at)
    for band in bands:
        resources.metrics.scored(bundle.manifest.churn_kind, band, stale=False)
    return answer
