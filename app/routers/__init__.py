"""Every router, in the order in which facts flow: know, sense, predict, decide, learn."""

from fastapi import FastAPI

from app.routers import (
    actions,
    complaints,
    decisions,
    drift,
    features,
    health,
    interactions,
    models,
    outcomes,
    scores,
    subscribers,
    touchpoints,
)

IN_ORDER = (
    health,
    features,
    subscribers,
    touchpoints,
    actions,
    interactions,
    complaints,
    models,
    drift,
    scores,
    decisions,
    outcomes,
)


def install(app: FastAPI) -> None:
    for module in IN_ORDER:
        app.include_router(module.router)
