"""JSON as the contract reads it: what the standard library lets pass (NaN, duplicate keys, …) is refused."""

import json
import math
import re
from typing import Any, Final, NoReturn

from app.errors import Invalid, Malformed, Violation, json_pointer

INT64: Final = 2**63
INT64_DIGITS: Final = 20
_SUSPICIOUS_ESCAPE: Final = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")


class BodyRefused(Invalid):
    """The body holds a value that cannot be taken."""


class NotJson(Malformed):
    """The body is not valid JSON."""


def parse(body: bytes) -> Any:
    """Parse UTF-8 JSON; raises NotJson (400) or BodyRefused (422)."""
    try:
        text = body.decode()
        value = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_within_int64,
        )
        if _SUSPICIOUS_ESCAPE.search(text):
            _refuse_unpaired(value, "")
    except UnicodeDecodeError as error:
        raise NotJson("the body is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise NotJson(f"the body is not valid JSON: {error.msg.lower()} at character {error.pos}") from error
    except RecursionError as error:
        raise NotJson("the body is nested too deeply") from error
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotJson("the body names a key twice in one object")
    return found


def _refuse_constant(_: str) -> NoReturn:
    raise BodyRefused("NaN and Infinity are not JSON numbers")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise BodyRefused("a number is too large")
    return value


def _within_int64(digits: str) -> int:
    if len(digits) > INT64_DIGITS or not -INT64 <= int(digits) < INT64:
        raise BodyRefused("a whole number does not fit 64 bits")
    return int(digits)


def _refuse_unpaired(value: Any, pointer: str) -> None:
    if isinstance(value, str):
        if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
            detail = "must not hold NUL or lone surrogates"
            raise BodyRefused(detail, [Violation(pointer, detail)])
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _refuse_unpaired(item, f"{pointer}/{index}")
    elif isinstance(value, dict):
        for key, item in value.items():
            _refuse_unpaired(key, pointer)
            _refuse_unpaired(item, pointer + json_pointer(key))
