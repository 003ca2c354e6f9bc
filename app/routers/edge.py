"""The service's edge, around every request: its id, limits, log line, metrics, and the last-resort answer.

A body is received whole before the request counts as being inside: who sends slowly takes up nobody's place. A place is
free again when the answer begins to be sent: who reads slowly takes up none either.
"""

import asyncio
import logging
import os
import re
import time
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.admission import Admission
from app.errors import AppError, HeadersTooLarge, TooLarge, TooMany, TooSlow, Unavailable
from app.observability import Metrics, request_id_of_log, tell
from app.routers.problems import problem_of, unexpected
from app.services.access import digest

if TYPE_CHECKING:
    from app.routers.deps import Resources

MOST_BODY_BYTES: Final = 1024 * 1024
MOST_BATCH_BYTES: Final = 32 * 1024 * 1024
MOST_HEADER_BYTES: Final = 64 * 1024
HEALTH: Final = frozenset({"/livez", "/readyz", "/readyz/store", "/metrics", "/v2/health/live", "/v2/health/ready"})
RawHeaders = Mapping[bytes, bytes]
_RATE_HEADERS: Final = "rate_headers"  # in the request's state: what the answer shall tell of the caller's rate
# What browsers are told, so that an answer is never more to them than it is. Nothing here is a page, but for the
# description of the service, which brings its own script along, and the console, whose router tells what is its own.
_SAFETY: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)
_OF_ANSWERS: Final = (*_SAFETY, (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"))
_OF_PAGES: Final = (
    *_SAFETY,
    (b"content-security-policy", b"default-src 'self' 'unsafe-inline' data:; frame-ancestors 'none'"),
)
_PAGES: Final = ("/docs", "/static-offline-docs")
_CONSOLE: Final = "/console/"
_METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_UNMATCHED: Final = "unmatched"
TOLD_TOGETHER_SECONDS: Final = 0.05
CLIENT_GONE: Final = 499
OUR_FAULT: Final = 500
STACK_DEPTH: Final = 8


class BodyTooLarge(TooLarge):
    """The body is larger than this operation takes."""


class BodyTooSlow(TooSlow):
    """The body did not arrive in time."""


class TooBusy(Unavailable):
    """More is being worked on than can be answered in time."""

    retry_after = 1

    def __init__(self) -> None:
        super().__init__("too many requests are being answered right now; try again shortly")


_THE_ID: Final = b"(the request's id)"
_REFUSAL: Final = problem_of(TooBusy(), _THE_ID.decode())
_REFUSAL_BODY: Final = bytes(_REFUSAL.body)
_REFUSAL_HEADERS: Final = [header for header in (*_REFUSAL.raw_headers, *_OF_ANSWERS) if header[0] != b"content-length"]


class RateExceeded(TooMany):
    """The key sends more requests than it may."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"this key may send {limit} requests a second to each process; try again shortly")


def tell_rate(scope: Scope, limit: int, left: int | None) -> None:
    """Have the answer tell what the key may still send, in the fields the IETF has drafted for it."""
    scope["state"][_RATE_HEADERS] = (
        (b"ratelimit-policy", b'"key";q=%d;w=1' % limit),
        (b"ratelimit", b'"key";r=%d;t=1' % (left or 0)),
    )


@dataclass(slots=True)
class _Exchange:
    """One request and what has become of its answer."""

    scope: Scope
    receive: Receive
    send: Send
    request_id: str
    admission: Admission
    started: float = field(default_factory=time.perf_counter)
    body: Message | None = None
    held_bytes: int = 0
    inside: bool = False
    closing: bool = False
    status: int = 0

    async def receive_body(self, seconds: float) -> None:
        """Take the whole body in; raises BodyTooLarge, BodyTooSlow, ClientDisconnect."""
        pieces: list[bytes] = []
        more = True
        try:
            async with asyncio.timeout(seconds):
                while more:
                    message = await self.receive()
                    if message["type"] == "http.disconnect":
                        raise ClientDisconnect
                    pieces.append(message.get("body", b""))
                    self._hold(len(pieces[-1]))
                    more = message.get("more_body", False)
        except TimeoutError as error:
            self.closing = True
            raise BodyTooSlow(f"the body must arrive within {seconds:g} seconds") from error
        self.body = {"type": "http.request", "body": b"".join(pieces), "more_body": False}

    def _hold(self, size: int) -> None:
        self.held_bytes += size
        self.admission.held_bytes += size
        if self.held_bytes > most_bytes(self.scope):
            raise _body_too_large(self.scope)
        if self.admission.laden:
            self.closing = True
            raise TooBusy

    def enter(self) -> None:
        if _is_full(self.admission, self.scope):
            raise TooBusy
        self.inside = True
        self.admission.inside += 1

    def leave(self) -> None:
        if self.inside:
            self.inside = False
            self.admission.inside -= 1

    def end(self) -> None:
        self.leave()
        self.admission.held_bytes -= self.held_bytes

    async def receive_again(self) -> Message:
        """The body that was taken in, then whatever else the caller does."""
        if self.body is None:
            return await self.receive()
        message, self.body = self.body, None
        return message

    async def send_with_id(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.leave()
            self.status = message["status"]
            headers = message["headers"]
            headers.append((b"x-request-id", self.request_id.encode()))
            headers.extend(self.scope["state"].get(_RATE_HEADERS, ()))
            if self.closing or self.admission.draining:
                headers.append((b"connection", b"close"))
            headers.extend(_told_to_browsers(self.scope["path"], headers))
        await self.send(message)

    @property
    def route(self) -> str:
        """The path's template, never the path itself: what stands in it may identify a person."""
        return getattr(self.scope.get("route"), "path", _UNMATCHED)


class Edge:
    """Pure ASGI middleware: a base class that buffers would break cancellation and context variables."""

    def __init__(self, app: ASGIApp, metrics: Metrics, admission: Admission, receive_seconds: float) -> None:
        self.app = app
        self.metrics = metrics
        self.admission = admission
        self.receive_seconds = receive_seconds
        self._sent_away: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if _is_full(self.admission, scope):
            await self._send_away(scope, send)
            return
        headers = dict(reversed(scope["headers"]))  # of one that is there twice the first counts
        exchange = _Exchange(scope, receive, send, _request_id(headers.get(b"x-request-id", b"")), self.admission)
        scope.setdefault("state", {})["request_id"] = exchange.request_id
        token = request_id_of_log.set(exchange.request_id)
        try:
            await self._answer(exchange, headers)
        finally:
            exchange.end()
            self._record(exchange)
            request_id_of_log.reset(token)

    async def _answer(self, exchange: _Exchange, headers: RawHeaders) -> None:
        try:
            try:
                await self._admit(exchange, headers)
            except AppError as refusal:
                self.metrics.shed.inc(isinstance(refusal, TooBusy))
                response = problem_of(refusal, exchange.request_id)
                await response(exchange.scope, exchange.receive, exchange.send_with_id)
            else:
                await self.app(exchange.scope, exchange.receive_again, exchange.send_with_id)
        except ClientDisconnect:
            exchange.status = CLIENT_GONE
        except Exception as error:
            tell("unexpected", level=logging.ERROR, **_where(error))
            if exchange.status:
                raise
            await unexpected(exchange.request_id)(exchange.scope, exchange.receive, exchange.send_with_id)

    async def _admit(self, exchange: _Exchange, headers: RawHeaders) -> None:
        """Let the request in, its body received; raises what it is refused for, and without waiting for the body."""
        _require_size(exchange.scope, headers)
        _require_rate(exchange.scope, headers)
        if b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0":
            await exchange.receive_body(self.receive_seconds)
        exchange.enter()

    async def _send_away(self, scope: Scope, send: Send) -> None:
        """Say no for as little as it can cost: under overload this is most of what is answered."""
        began = time.perf_counter()
        self.metrics.shed.inc()
        given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
        id = _request_id(given)
        body = _REFUSAL_BODY.replace(_THE_ID, id.encode())
        headers = [*_REFUSAL_HEADERS, (b"content-length", b"%d" % len(body)), (b"x-request-id", id.encode())]
        if self.admission.draining:
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": TooBusy.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        self._count(scope["method"], _UNMATCHED, TooBusy.status, began)
        if not self._sent_away:
            asyncio.get_running_loop().call_later(TOLD_TOGETHER_SECONDS, self._tell_sent_away)
        self._sent_away.append(id)

    def _tell_sent_away(self) -> None:
        """Tell of them in one line: a line for each would take as long as all the rest, when there is no time."""
        tell("sent_away", level=logging.WARNING, status=TooBusy.status, request_ids=self._sent_away)
        self._sent_away = []

    def _record(self, exchange: _Exchange) -> None:
        status = exchange.status or CLIENT_GONE
        method, seconds = self._count(exchange.scope["method"], exchange.route, status, exchange.started)
        level = logging.WARNING if status >= OUR_FAULT else logging.INFO
        milliseconds = round(seconds * 1000, 3)
        tell("request", level=level, method=method, route=exchange.route, status=status, ms=milliseconds)

    def _count(self, method: str, route: str, status: int, began: float) -> tuple[str, float]:
        """Count an answer; returns its method, if it is a known one, and how many seconds it took."""
        seconds = time.perf_counter() - began
        known = method if method in _METHODS else "other"
        self.metrics.count(known, route, status, seconds)
        return known, seconds


def _told_to_browsers(path: str, given: list[tuple[bytes, bytes]]) -> Iterable[tuple[bytes, bytes]]:
    if path.startswith(_CONSOLE):
        names = {name for name, _ in given}
        return [header for header in _OF_ANSWERS if header[0] not in names]
    return _OF_PAGES if path.startswith(_PAGES) else _OF_ANSWERS


def _is_full(admission: Admission, scope: Scope) -> bool:
    return admission.full and scope["path"] not in HEALTH


def _require_rate(scope: Scope, headers: RawHeaders) -> None:
    """Refuse a known key that has sent too much before anything else is done for it; raises RateExceeded."""
    resources: Resources = scope["state"]["resources"]
    if resources.rates.limit:
        now = time.monotonic()
        caller = resources.keys.find(digest(key_in(headers.get(b"authorization", b"").decode("latin-1"))), now)
        if caller and resources.rates.exhausted(caller.id, now):
            tell_rate(scope, resources.rates.limit, None)
            raise RateExceeded(resources.rates.limit)


def key_in(authorization: str) -> str:
    """The key that a header carries as its bearer's; empty if there is none."""
    scheme, _, key = authorization.partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def _request_id(given: bytes) -> str:
    return given.decode() if given and _REQUEST_ID.fullmatch(given) else os.urandom(16).hex()


def _require_size(scope: Scope, headers: RawHeaders) -> None:
    """Refuse what is too large by its own word; raises HeadersTooLarge, BodyTooLarge."""
    if sum([len(name) + len(value) for name, value in scope["headers"]]) > MOST_HEADER_BYTES:
        raise HeadersTooLarge(f"headers may take {MOST_HEADER_BYTES} bytes in all")
    declared = headers.get(b"content-length", b"0").decode("latin-1").lstrip("0")
    most = most_bytes(scope)
    if declared.isdecimal() and (len(declared) > len(str(most)) or int(declared or 0) > most):
        raise _body_too_large(scope)


def most_bytes(scope: Scope) -> int:
    """How much an operation takes: many items at once may take more."""
    return MOST_BATCH_BYTES if scope["path"].endswith(("/batch", "/infer")) else MOST_BODY_BYTES


def _body_too_large(scope: Scope) -> BodyTooLarge:
    return BodyTooLarge(f"the body may take {most_bytes(scope)} bytes")


def _where(error: Exception) -> dict[str, Any]:
    frames = traceback.extract_tb(error.__traceback__)[-STACK_DEPTH:]
    return {
        "error": f"{type(error).__module__}.{type(error).__qualname__}",
        "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    }
