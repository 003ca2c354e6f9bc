"""What the fast lanes before the routes have in common: which requests are plain, and how they hand on the others."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from starlette.types import Message, Receive, Scope, Send

from app.domain.access import Caller
from app.routers.deps import Resources
from app.services.access import digest

JSON: Final = b"application/json"
CONTENT_TYPE: Final = b"content-type"
_BEARER: Final = b"Bearer "
_NOT_PLAIN: Final = frozenset({b"content-encoding", b"x-purpose"})

Headers = Mapping[bytes, bytes]


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


def given_back(message: Message, receive: Receive) -> Receive:
    """Have a body received again that was taken in."""
    waiting = [message]

    async def receive_again() -> Message:
        return waiting.pop() if waiting else await receive()

    return receive_again


async def answer(send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    told = [(CONTENT_TYPE, JSON), (b"content-length", b"%d" % len(body)), *headers]
    await send({"type": "http.response.start", "status": status, "headers": told})
    await send({"type": "http.response.body", "body": body})
