"""Which problems an operation may answer, said once for all of them."""

from typing import Any, Final

from pydantic import BaseModel

from app.domain.access import Purpose
from app.routers.problems import MEDIA_TYPE


class Violation(BaseModel):
    """One thing wrong with the request: where, as a JSON pointer, and what."""

    pointer: str
    detail: str


class Problem(BaseModel):
    """An RFC 9457 problem."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str
    errors: list[Violation] = []


PURPOSE: Final = "X-Purpose"
# Read by the route itself, for all operations alike.
PURPOSE_PARAMETER: Final = {
    "name": PURPOSE.lower(),
    "in": "header",
    "required": False,
    "description": "What somebody's data is looked at or changed for; it is noted with the access",
    "schema": {"type": "string", "enum": [purpose.value for purpose in Purpose], "default": Purpose.UNSTATED.value},
}
_MEANINGS: Final = {
    400: "The body is not valid JSON",
    401: "A valid API key or token is required",
    403: "The key lacks the scope, speaks for another agent, or does not reach this",
    404: "There is no such thing",
    409: "The request conflicts with what is already there",
    410: "The subscriber has been erased",
    412: "Somebody else changed it first",
    413: "The body is too large",
    415: "The body must be application/json",
    422: "The request is not valid; `errors` names the fields",
    428: "If-Match is required",
    503: "The store, or the model, is not there right now; Retry-After says when to ask again",
}
_READ: Final = (401, 403, 422, 503)
_WRITE: Final = (400, 401, 403, 413, 415, 422, 503)

BINARY: Final = {"schema": {"type": "string", "format": "binary"}}

Responses = dict[int | str, dict[str, Any]]


def _problems(*statuses: int) -> Responses:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": _MEANINGS[status], "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in sorted(statuses)
    }


def reads(*also: int) -> Responses:
    return _problems(*_READ, *also)


def writes(*also: int) -> Responses:
    return _problems(*_WRITE, *also)
