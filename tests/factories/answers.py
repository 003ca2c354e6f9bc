"""What every refusal must look like, whoever gives it."""

from typing import Any

import httpx

from app.errors import MOST_VIOLATIONS
from app.routers.problems import MEDIA_TYPE

# Sent inside refused values: an answer that holds it echoes what it was sent.
CANARY = "c4n4ry-9b1d7e"
ALWAYS = {"type", "title", "status", "detail", "request_id"}
LARGEST_PROBLEM = 64 * 1024


def problem(answer: httpx.Response, *statuses: int) -> dict[str, Any]:
    """Check that an answer is a problem with one of these statuses (any 4xx if none is named), and return it."""
    assert answer.status_code in (statuses or range(400, 500)), _exchange(answer)
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert len(answer.content) <= LARGEST_PROBLEM
    assert CANARY not in answer.text
    assert CANARY not in str(answer.headers)
    found: dict[str, Any] = answer.json()
    assert found.keys() - {"errors"} == ALWAYS
    assert found["status"] == answer.status_code
    assert found["request_id"] == answer.headers["x-request-id"]
    assert len(found.get("errors", [])) <= MOST_VIOLATIONS
    for violation in found.get("errors", []):
        assert violation.keys() == {"pointer", "detail"}
        assert violation["pointer"] == "" or violation["pointer"].startswith("/")
    return found


def refused_fields(answer: httpx.Response) -> set[str]:
    """Return the pointers of a 422."""
    return {violation["pointer"] for violation in problem(answer, 422).get("errors", [])}


def not_now(answer: httpx.Response) -> dict[str, Any]:
    """Check that an answer says to come back later."""
    found = problem(answer, 503)
    assert int(answer.headers["retry-after"]) > 0
    return found


def never_5xx(answer: httpx.Response) -> None:
    """Whatever was sent: it is taken, or refused as a problem."""
    if not answer.is_success:
        problem(answer)


def _exchange(answer: httpx.Response) -> str:
    """Say what was asked and answered, in case it is not as expected."""
    try:
        asked = answer.request.content[:200]
    except httpx.RequestNotRead:
        asked = b"(sent in pieces)"
    return f"{answer.request.method} {answer.request.url} {asked!r} -> {answer.status_code} {answer.text[:400]}"
