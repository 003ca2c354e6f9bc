"""The service's edge, around every request: its id, limits, log line, metrics, and the last-resort answer."""

import logging
import re
import time
import traceback
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import HeadersTooLarge, TooLarge
from app.models.base import new_id
from app.observability import Metrics, request_id_of_log, tell
from app.routers.problems import problem_of, unexpected

MOST_BODY_BYTES: Final = 1024 * 1024
MOST_BATCH_BYTES: Final = 32 * 1024 * 1024
MOST_HEADER_BYTES: Final = 64 * 1024
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")
CLIENT_GONE: Final = 499
STACK_DEPTH: Final = 8


class BodyTooLarge(TooLarge):
    """The body is larger than this operation takes."""


@dataclass(slots=True)
class _Exchange:
    """One request and what has become of its answer."""

    scope: Scope
    receive: Receive
    send: Send
    request_id: str
    started: float = field(default_factory=time.perf_counter)
    received_bytes: int = 0
    status: int = 0

    async def receive_within_limit(self) -> Message:
        message = await self.receive()
        self.received_bytes += len(message.get("body", b""))
        if self.received_bytes > most_bytes(self.scope):
            raise _body_too_large(self.scope)
        return message

    async def send_with_id(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            MutableHeaders(scope=message)["X-Request-ID"] = self.request_id
        await self.send(message)

    @property
    def route(self) -> str:
        """The path's template, never the path itself: what stands in it may identify a person."""
        return getattr(self.scope.get("route"), "path", "unmatched")


class Edge:
    """Pure ASGI middleware: a base class that buffers would break cancellation and context variables."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        exchange = _Exchange(scope, receive, send, _request_id(Headers(scope=scope)))
        scope.setdefault("state", {})["request_id"] = exchange.request_id
        token = request_id_of_log.set(exchange.request_id)
        try:
            await self._answer(exchange)
        finally:
            self._record(exchange)
            request_id_of_log.reset(token)

    async def _answer(self, exchange: _Exchange) -> None:
        try:
            if refusal := _refusal(exchange.scope):
                response = problem_of(refusal, exchange.request_id)
                await response(exchange.scope, exchange.receive, exchange.send_with_id)
            else:
                await self.app(exchange.scope, exchange.receive_within_limit, exchange.send_with_id)
        except ClientDisconnect:
            exchange.status = CLIENT_GONE
        except Exception as error:
            tell("unexpected", level=logging.ERROR, **_where(error))
            if exchange.status:
                raise
            await unexpected(exchange.request_id)(exchange.scope, exchange.receive, exchange.send_with_id)

    def _record(self, exchange: _Exchange) -> None:
        seconds = time.perf_counter() - exchange.started
        method, route = exchange.scope["method"], exchange.route
        status = exchange.status or CLIENT_GONE
        known_method = method if method in {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"} else "other"
        self.metrics.requests.labels(known_method, route, status).inc()
        self.metrics.latency.labels(known_method, route).observe(seconds)
        tell("request", method=known_method, route=route, status=status, ms=round(seconds * 1000, 3))


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else str(new_id())


def _refusal(scope: Scope) -> TooLarge | HeadersTooLarge | None:
    if sum(len(name) + len(value) for name, value in scope["headers"]) > MOST_HEADER_BYTES:
        return HeadersTooLarge(f"headers may take {MOST_HEADER_BYTES} bytes in all")
    declared = Headers(scope=scope).get("content-length", "0").lstrip("0")
    most = most_bytes(scope)
    too_large = declared.isdecimal() and (len(declared) > len(str(most)) or int(declared or 0) > most)
    return _body_too_large(scope) if too_large else None


def most_bytes(scope: Scope) -> int:
    """How much an operation takes: many items at once may take more."""
    return MOST_BATCH_BYTES if scope["path"].endswith("/batch") else MOST_BODY_BYTES


def _body_too_large(scope: Scope) -> BodyTooLarge:
    return BodyTooLarge(f"the body may take {most_bytes(scope)} bytes")


def _where(error: Exception) -> dict[str, Any]:
    frames = traceback.extract_tb(error.__traceback__)[-STACK_DEPTH:]
    return {
        "error": f"{type(error).__module__}.{type(error).__qualname__}",
        "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    }
