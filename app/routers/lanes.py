"""What the fast lanes before the routes have in common: which requests are plain, and how they hand on the others."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar

from fastapi import APIRouter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.domain.access import Caller
from app.errors import Unavailable
from app.routers.deps import Resources
from app.routers.problems import refuse
from app.services.access import digest

JSON: Final = b"application/json"
CONTENT_TYPE: Final = b"content-type"
_BEARER: Final = b"Bearer "
_NOT_PLAIN: Final = frozenset({b"content-encoding", b"x-purpose"})

Headers = Mapping[bytes, bytes]
Told = TypeVar("Told")


def plain_headers(scope: Scope) -> Headers | None:
    """Return the headers of a request with a key and a body of JSON, if nothing in them is out of the ordinary."""
    headers = dict(scope["headers"])
    is_plain = (
        len(headers) == len(scope["headers"])
        and headers.get(b"authorization", b"").startswith(_BEARER)
        and headers.get(CONTENT_TYPE) == JSON
        and _NOT_PLAIN.isdisjoint(headers)
    )
    return headers if is_plain else None


def known_caller(headers: Headers, resources: Resources, needed: str, at: datetime, now: float) -> Caller | None:
    """Return who asks, if their key was verified lately, is good, and carries the scope that is needed."""
    key = headers[b"authorization"][len(_BEARER) :].decode("latin-1")
    caller = resources.keys.find(digest(key), now)
    if caller is None or needed not in caller.scopes or (caller.expires_at and caller.expires_at <= at):
        return None
    return caller


def route_of(router: APIRouter, operation_id: str) -> Any:
    """Return the route a lane runs beside: it gives the path, the methods and the name of what is answered."""
    return next(route for route in router.routes if getattr(route, "operation_id", None) == operation_id)


class Made(NamedTuple):
    """The answer to a plain request."""

    status: int
    body: bytes
    headers: Sequence[tuple[bytes, bytes]] = ()


class FastLane:
    """Pure ASGI, before the routes: it answers what is plain of one route, and hands on everything else as it came."""

    route: Any

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def made(self, scope: Scope, body: bytes) -> Made | None:
        """Return the answer to a plain request; None for any other. Raises Unavailable."""
        raise NotImplementedError

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != self.route.path or scope["method"] not in self.route.methods:
            await self.app(scope, receive, send)
            return
        message = await receive()  # the whole body: the edge has waited for it
        try:
            made = await self.made(scope, message.get("body", b""))
        except Unavailable as error:
            scope["route"] = self.route
            await refuse(error, scope["state"]["request_id"])(scope, receive, send)
            return
        if made is None:
            await self.app(scope, _given_back(message, receive), send)
            return
        scope["route"] = self.route
        headers = [(CONTENT_TYPE, JSON), (b"content-length", b"%d" % len(made.body)), *made.headers]
        await send({"type": "http.response.start", "status": made.status, "headers": headers})
        await send({"type": "http.response.body", "body": made.body})


def _given_back(message: Message, receive: Receive) -> Receive:
    """Have a body received again that was taken in."""
    waiting = [message]

    async def receive_again() -> Message:
        return waiting.pop() if waiting else await receive()

    return receive_again


def settle(waiting: asyncio.Future[Told], told: Told | Exception) -> None:
    """Tell who waits what became of it, or what went wrong; whoever gave up is told nothing."""
    if waiting.done():
        return
    if isinstance(told, Exception):
        waiting.set_exception(told)
    else:
        waiting.set_result(told)
