"""A batch's items are judged alone, and answered alone, in their order."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from fastapi import Response
from pydantic import ValidationError
from pydantic_core import to_json

from app.errors import AppError
from app.routers.problems import problem_body
from app.schemas.violations import refusal_of

Item = TypeVar("Item")
Answer = TypeVar("Answer")


def valid(items: Sequence[Item | ValidationError]) -> list[Item]:
    """Those that have the shape they should have."""
    return [item for item in items if not isinstance(item, ValidationError)]


def answered(
    items: Sequence[Any], answers: Sequence[Answer | AppError], show: Callable[[Answer], Any], request_id: str
) -> Response:
    """Answer all items: with `answers`, one for each valid one, shown or as problems; the others with their faults."""
    given = iter(answers)
    judged = [refusal_of(item) if isinstance(item, ValidationError) else next(given) for item in items]
    told = [_refused(answer, request_id) if isinstance(answer, AppError) else show(answer) for answer in judged]
    # Written as it is: thousands of items would only be checked against the shape they were just given.
    return Response(to_json({"items": told}), 207, media_type="application/json")


def _refused(error: AppError, request_id: str) -> dict[str, Any]:
    return {"status": error.status, "problem": problem_body(error, request_id)}
