"""Every router, in the order in which facts flow: know, sense, predict, decide, learn."""

from fastapi import FastAPI

from app.routers import (
    actions,
    campaigns,
    care_cases,
    care_reports,
    claims,
    complaints,
    console,
    console_tokens,
    decisions,
    drift,
    features,
    groups,
    health,
    inference,
    interactions,
    models,
    outcomes,
    overview,
    policies,
    privacy,
    reports,
    scores,
    scoring_runs,
    subscribers,
    surveys,
    tasks,
    touchpoints,
    warnings,
    watchlist,
)
from app.routers.unit_of_work import QuestionRoute

IN_ORDER = (
    health,
    features,
    subscribers,
    groups,
    touchpoints,
    actions,
    policies,
    interactions,
    complaints,
    surveys,
    tasks,
    care_cases,
    models,
    drift,
    scores,
    inference,
    warnings,
    claims,
    decisions,
    outcomes,
    campaigns,
    reports,
    care_reports,
    scoring_runs,
    watchlist,
    overview,
    privacy,
    console_tokens,
    console,
)


def install(app: FastAPI) -> None:
    """Lay all routes out in one list, the hottest questions first: it is searched from its beginning for each request.

    Routers that are included as such would each be searched twice.
    """
    routes = [route for module in IN_ORDER for route in module.router.routes]
    app.router.routes.extend(sorted(routes, key=lambda route: not isinstance(route, QuestionRoute)))
