"""The Open Inference Protocol, version 2: what KServe's clients and others ask of any server of models."""

from typing import Final

from fastapi import APIRouter, Request, Response

from app.routers import examples
from app.routers.deps import ModelName, ModelVersion, Resources, ResourcesDep, allow
from app.routers.documented import reads, writes
from app.routers.unit_of_work import JSON, QuestionRoute, UnitOfWorkRoute
from app.schemas.inference import (
    InferenceRead,
    InferenceRequest,
    ModelReadyRead,
    ServedModelRead,
)
from app.services import inference

router = APIRouter(tags=["inference"], route_class=UnitOfWorkRoute)
questions = APIRouter(tags=["inference"], route_class=QuestionRoute)


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


_SCORED: Final = {200: {"model": InferenceRead, "description": "The rows' scores"}, **writes(404)}


@questions.post(
    "/v2/models/{name}/infer",
    operation_id="infer",
    summary="Score rows, as columns: an input a feature",
    dependencies=[allow("scores:read")],
    response_class=Response,
    responses=_SCORED,
    openapi_extra=examples.body(examples.INFERENCE),
)
async def infer(asked: InferenceRequest, name: ModelName, request: Request) -> Response:
    return await _infer(asked, request, name)


@questions.post(
    "/v2/models/{name}/versions/{version}/infer",
    operation_id="infer_version",
    summary="Score rows by a version of a model, if it is the one that serves",
    dependencies=[allow("scores:read")],
    response_class=Response,
    responses=_SCORED,
    openapi_extra=examples.body(examples.INFERENCE),
)
async def infer_version(asked: InferenceRequest, name: ModelName, version: ModelVersion, request: Request) -> Response:
    return await _infer(asked, request, name, version)


async def _infer(asked: InferenceRequest, request: Request, name: str, version: str | None = None) -> Response:
    resources: Resources = request.state.resources
    bundle = inference.get_served(resources.bundles, name, version)
    answer, bands = await inference.infer(bundle, asked, resources.traffic, resources.settings, request.state.at)
    for band in bands:
        resources.metrics.scored(bundle.manifest.churn_kind, band, stale=False)
    return Response(answer.model_dump_json(), media_type=JSON)


router.routes += questions.routes
