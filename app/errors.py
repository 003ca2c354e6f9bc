"""What can go wrong, as classes. A concrete error is a two-line subclass beside the rule that raises it.

The docstring is the problem's title and the class name is its type: `ComplaintClosed` → `/problems/complaint-closed`.
"""

import re
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

MOST_VIOLATIONS = 20


class Violation(NamedTuple):
    """One thing wrong with the input: where (a JSON pointer) and what."""

    pointer: str
    detail: str


def json_pointer(*path: str | int) -> str:
    """Write a place as a JSON pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


class AppError(Exception):
    """Something went wrong."""

    status: ClassVar[int] = 500
    retry_after: ClassVar[int | None] = None

    def __init__(self, detail: str, violations: Sequence[Violation] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.violations = tuple(violations[:MOST_VIOLATIONS])

    @classmethod
    def title(cls) -> str:
        return (cls.__doc__ or cls.__name__).strip().splitlines()[0].rstrip(".")

    @classmethod
    def type(cls) -> str:
        return "/problems/" + re.sub(r"(?<=[a-z])(?=[A-Z])", "-", cls.__name__).lower()


class Malformed(AppError):
    """The body is not valid JSON."""

    status = 400


class Unauthenticated(AppError):
    """A valid API key is required."""

    status = 401


class Forbidden(AppError):
    """The caller may not do this."""

    status = 403


class NotFound(AppError):
    """There is no such thing."""

    status = 404


class TooSlow(AppError):
    """The request took too long to arrive."""

    status = 408


class Conflict(AppError):
    """The request conflicts with what is already there."""

    status = 409


class Gone(AppError):
    """It was here and has been erased."""

    status = 410


class PreconditionFailed(AppError):
    """Somebody else changed it first."""

    status = 412


class TooLarge(AppError):
    """The request is too large."""

    status = 413


class UnsupportedMediaType(AppError):
    """The body's content type is not supported."""

    status = 415


class Invalid(AppError):
    """The request is not valid."""

    status = 422

    @classmethod
    def at(cls, pointer: str, detail: str) -> "Invalid":
        """Refuse one field."""
        return cls(detail, [Violation(pointer, detail)])


class PreconditionRequired(AppError):
    """The request must say which version it changes."""

    status = 428


class HeadersTooLarge(AppError):
    """The request's headers are too large."""

    status = 431


class TooMany(AppError):
    """The caller sends more than it may."""

    status = 429
    retry_after = 1


class Unavailable(AppError):
    """The service cannot answer right now."""

    status = 503
    retry_after = 2
