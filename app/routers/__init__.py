"""Every router, in the order in which facts flow: know, sense, predict, decide, learn."""

from fastapi import FastAPI

from app.routers import (
    actions,
    care_cases,
    complaints,
    decisions,
    drift,
    features,
    groups,
    health,
    interactions,
    models,
    outcomes,
    overview,
    reports,
    scores,
    subscribers,
    surveys,
    tasks,
    touchpoints,
)

IN_ORDER = (
    health,
    features,
    subscribers,
    groups,
    touchpoints,
    actions,
    interactions,
    complaints,
    surveys,
    tasks,
    care_cases,
    models,
    drift,
    scores,
    decisions,
    outcomes,
    reports,
    overview,
)


def install(app: FastAPI) -> None:
    """Lay all routes out in one list: routers included as such would each be searched twice for every request."""
    for module in IN_ORDER:
        app.router.routes.extend(module.router.routes)
