"""Liveness, readiness split by part, metrics. Open to all: they say nothing of any subscriber."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import Field

from app.domain.jobs import Work
from app.routers.deps import ResourcesDep
from app.schemas.base import Wire
from app.schemas.inference import ServerLiveRead, ServerRead, ServerReadyRead
from app.services import drift
from app.services.health import StoreState, probe_store

router = APIRouter(tags=["health"])


class Liveness(Wire):
    status: Literal["ok"]


class Readiness(Wire):
    """`scoring` decides the status, since scores of given features need no store; and `draining`, before it stops."""

    scoring: Literal["ok", "no_model"]
    store: StoreState
    jobs: Annotated[Work, Field(description="stalled: nothing of what was asked for got done for a minute")]
    durability: Annotated[
        str, Field(description="ok, unknown, or the store's settings by which it may lose what it confirmed")
    ]
    draining: bool


@router.get("/livez", operation_id="get_liveness", summary="Is the process alive")
async def get_liveness() -> Liveness:
    return Liveness(status="ok")


@router.get(
    "/readyz",
    operation_id="get_readiness",
    summary="What works right now",
    responses={503: {"model": Readiness, "description": "Scoring does not work, or the process is about to stop"}},
)
async def get_readiness(resources: ResourcesDep, response: Response) -> Readiness:
    readiness = await _readiness(resources)
    response.status_code = 200 if readiness.scoring == "ok" and not readiness.draining else 503
    return readiness


@router.get(
    "/readyz/store",
    operation_id="get_store_readiness",
    summary="Does the store work right now",
    responses={503: {"model": Readiness, "description": "The store does not work"}},
)
async def get_store_readiness(resources: ResourcesDep, response: Response) -> Readiness:
    readiness = await _readiness(resources)
    response.status_code = 200 if readiness.store == "ok" else 503
    return readiness


@router.get("/v2", operation_id="get_server", summary="Which server this is, in the protocol's words")
async def get_server(request: Request) -> ServerRead:
    return ServerRead(name=request.app.title.lower(), version=request.app.version, extensions=[])


@router.get("/v2/health/live", operation_id="get_server_liveness", summary="Is the server alive")
async def get_server_liveness() -> ServerLiveRead:
    return ServerLiveRead(live=True)


@router.get(
    "/v2/health/ready",
    operation_id="get_server_readiness",
    summary="Can the server score",
    responses={503: {"model": ServerReadyRead, "description": "It cannot, or is about to stop"}},
)
async def get_server_readiness(resources: ResourcesDep, response: Response) -> ServerReadyRead:
    ready = bool(resources.bundles) and not resources.admission.draining
    response.status_code = 200 if ready else 503
    return ServerReadyRead(ready=ready)


@router.get(
    "/metrics",
    operation_id="get_metrics",
    summary="Metrics for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def get_metrics(resources: ResourcesDep) -> Response:
    await _readiness(resources)
    drift.measure(resources.metrics, resources.traffic, resources.bundles, datetime.now(UTC))
    return Response(resources.metrics.shown(), media_type=CONTENT_TYPE_LATEST)


async def _readiness(resources: ResourcesDep) -> Readiness:
    store = await probe_store(resources.sessions)
    resources.metrics.store_up.set(store.state == "ok")
    resources.metrics.store_durable.set(not store.risks)
    resources.metrics.jobs_stalled.set(store.work is Work.STALLED)
    resources.metrics.scoring_up.set(bool(resources.bundles))
    resources.metrics.inside.set(resources.admission.inside)
    resources.metrics.tasks.set(len(asyncio.all_tasks()))
    return Readiness(
        scoring="ok" if resources.bundles else "no_model",
        store=store.state,
        jobs=store.work,
        durability="unknown" if store.risks is None else _durability(store.risks),
        draining=resources.admission.draining,
    )


def _durability(risks: Sequence[str]) -> str:
    return ", ".join(f"{name} is off" for name in risks) or "ok"
