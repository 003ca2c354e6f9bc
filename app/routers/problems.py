"""Errors become RFC 9457 problems here, and nowhere else. No input is ever echoed."""

import logging
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Match

from app.errors import AppError, Invalid
from app.observability import tell
from app.schemas.violations import violations_of

MEDIA_TYPE: Final = "application/problem+json"
LONGEST_POINTER: Final = 200

_TITLES: Final = {404: "There is no such page", 405: "This method is not offered here", 400: "The request is malformed"}


class ProblemResponse(JSONResponse):
    media_type = MEDIA_TYPE


def problem(
    *,
    status: int,
    type: str,  # the name RFC 9457 gives it
    title: str,
    detail: str,
    request_id: str,
    headers: dict[str, str] | None = None,
) -> ProblemResponse:
    body = {"type": type, "title": title, "status": status, "detail": detail, "request_id": request_id}
    return ProblemResponse(body, status, headers)


def problem_body(error: AppError, request_id: str) -> dict[str, Any]:
    """What a problem says, whether it is the whole answer or one item's in a batch."""
    body: dict[str, Any] = {
        "type": error.type(),
        "title": error.title(),
        "status": error.status,
        "detail": error.detail,
        "request_id": request_id,
    }
    if error.violations:
        body["errors"] = [{"pointer": v.pointer[:LONGEST_POINTER], "detail": v.detail} for v in error.violations]
    return body


def problem_of(error: AppError, request_id: str) -> ProblemResponse:
    headers = {}
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    if error.status == 401:  # noqa: PLR2004  # the one status that must say how to authenticate (RFC 9110 15.5.2)
        headers["WWW-Authenticate"] = 'Bearer realm="stayline"'
    return ProblemResponse(problem_body(error, request_id), error.status, headers)


def unexpected(request_id: str) -> ProblemResponse:
    return problem(
        status=500,
        type="/problems/unexpected",
        title="Something went wrong on our side",
        detail="the request failed unexpectedly; its request id finds it in our logs",
        request_id=request_id,
    )


def install(app: FastAPI) -> None:
    app.add_exception_handler(AppError, _on_app_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_exception)


async def _on_app_error(request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, AppError)  # noqa: S101  # registered for it; narrows the type
    return refuse(error, request.state.request_id)


def refuse(error: AppError, request_id: str) -> ProblemResponse:
    """Make the answer; of what is ours to answer for, and not the caller's, the log says what lies behind it."""
    if error.status >= 500:  # noqa: PLR2004  # ours
        cause = type(error.__cause__).__qualname__ if error.__cause__ else None
        tell("unavailable", level=logging.WARNING, problem=error.type(), cause=cause)
    return problem_of(error, request_id)


async def _on_validation_error(request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101  # registered for it; narrows the type
    violations = violations_of(error.errors())
    return problem_of(Invalid("the request is not valid", violations), request.state.request_id)


async def _on_http_exception(request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, HTTPException)  # noqa: S101  # registered for it; narrows the type
    title = _TITLES.get(error.status_code, "The request cannot be answered")
    return problem(
        status=error.status_code,
        type="about:blank",
        title=title,
        detail=title.lower(),
        request_id=request.state.request_id,
        headers=dict(error.headers or {}) | _allowed(request, error.status_code),
    )


def _allowed(request: Request, status: int) -> dict[str, str]:
    """What the path takes instead, of all its routes: each by itself knows its own methods only."""
    if status != 405:  # noqa: PLR2004  # the one status that must say so (RFC 9110 15.5.6)
        return {}
    found = [route for route in request.app.router.routes if route.matches(request.scope)[0] is not Match.NONE]
    plainest = min((route.path for route in found), key=lambda path: path.count("{"))
    methods = {method for route in found if route.path == plainest for method in route.methods or ()}
    return {"Allow": ", ".join(sorted(methods))}
