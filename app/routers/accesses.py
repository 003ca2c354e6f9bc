"""Whose data a request was about: the ids in its path, its query and its body, and those in its answer.

An answer that is no JSON has them named by its endpoint, in `request.state.told_of`.
"""

import re
from typing import Any, Final

from fastapi import Request

from app.domain.access import Purpose
from app.domain.subscribers import SUBSCRIBER_ID
from app.errors import Invalid
from app.routers.documented import PURPOSE
from app.services.access_entries import Access

# Within a text of JSON every quote is escaped: what stands there cannot pass for a field.
_IN_ANSWER: Final = re.compile(f'"subscriber_id":"({SUBSCRIBER_ID})"'.encode())
_FIELDS: Final = ("subscriber_id", "duplicate_id")


class PurposeUnknown(Invalid):
    """There is no such purpose."""


def purpose_in(request: Request) -> Purpose:
    """Return what the caller says it is for; raises PurposeUnknown."""
    try:
        return Purpose(request.headers.get(PURPOSE, Purpose.UNSTATED))
    except ValueError as error:
        raise PurposeUnknown.at(f"/header/{PURPOSE.lower()}", f"must be one of {', '.join(Purpose)}") from error


def access_of(request: Request, status: int, body: bytes = b"", asked: Any = None) -> Access:
    """Describe what was answered; `asked` is the request's body as parsed, `body` the answer's."""
    state = request.state
    found = {id.decode() for id in _IN_ANSWER.findall(body)}
    found.update(_named(request, asked), getattr(state, "told_of", ()))
    operation = request.scope["route"].operation_id
    return Access(state.at, state.caller, operation, status, state.purpose, frozenset(found), state.request_id)


def _named(request: Request, asked: Any) -> list[str]:
    places = [request.path_params, request.query_params, asked]
    if isinstance(asked, dict) and isinstance(items := asked.get("items"), list):
        places += items
    named = [place.get(name) for place in places if hasattr(place, "get") for name in _FIELDS]
    return [id for id in named if isinstance(id, str)]
