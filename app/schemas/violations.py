"""What pydantic finds wrong, as violations: where, and what. No input is ever echoed."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import ValidationError

from app.errors import MOST_VIOLATIONS, Invalid, Violation, json_pointer


def refusal_of(error: ValidationError) -> Invalid:
    """One item's faults, each placed within that item."""
    found = [fault | {"loc": ("body", *fault["loc"])} for fault in error.errors(include_url=False)]
    return Invalid("the item is not valid", violations_of(found))


def violations_of(errors: Iterable[Any]) -> list[Violation]:
    """Turn pydantic's findings into violations, the first `MOST_VIOLATIONS` of them, one a place."""
    found: dict[str, Violation] = {}
    for error in errors:
        pointer = pointer_to(error["loc"])
        found.setdefault(pointer, Violation(pointer, _sentence(error)))
        if len(found) == MOST_VIOLATIONS:
            break
    return list(found.values())


def pointer_to(location: Sequence[str | int]) -> str:
    """Write a place as a JSON pointer into the body; other parts of the request stand under their name."""
    where, *path = location
    parts = path if where == "body" else [where, *path]
    return json_pointer(*(part for part in parts if part != "[key]"))


def _sentence(error: dict[str, Any]) -> str:
    kind = error["type"]
    if kind == "missing":
        return "is required"
    if kind == "extra_forbidden":
        return "is not a known field"
    message = re.sub(r"^(Value error, |Input )", "", str(error["msg"]))
    return message[:1].lower() + message[1:]
