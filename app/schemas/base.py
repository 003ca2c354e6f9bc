"""Shared safe types: whatever passes them can be stored, logged and answered without surprise."""

import re
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Generic, TypeVar
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    Strict,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
)

from app.domain.subscribers import SUBSCRIBER_ID
from app.domain.texts import why_unsafe
from app.errors import Invalid

INT64_MAX: Final = 2**63 - 1
MOST_ITEMS: Final = 10_000  # in one batch
EARLIEST_YEAR: Final = 1900
LATEST_YEAR: Final = 2200
_RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d([.,]\d{1,9})?)?([Zz]|[+-]\d\d:\d\d)")
_ISO_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")


def _is_clean(text: str) -> str:
    if reason := why_unsafe(text):
        raise ValueError(reason)
    return text


def _is_said(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return _is_clean(text)


def _is_rfc3339(value: object) -> object:
    if isinstance(value, str) and not _RFC3339.fullmatch(value):
        raise ValueError("must be an RFC 3339 time with an offset, such as 2026-10-31T09:30:00+08:00")
    if not isinstance(value, str | datetime):
        raise ValueError("must be an RFC 3339 time in a text")  # noqa: TRY004  # pydantic turns ValueError into a 422
    return value


def _is_iso_date(value: object) -> object:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not _ISO_DATE.fullmatch(value):
        raise ValueError("must be a date such as 2026-10-31")
    return value


def _is_in_living_memory(value: date) -> date:
    if not EARLIEST_YEAR <= value.year <= LATEST_YEAR:
        raise ValueError(f"must be between the years {EARLIEST_YEAR} and {LATEST_YEAR}")
    return value


def _is_scalar(value: object) -> object:
    if isinstance(value, str):
        return _is_clean(value)
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int) and -INT64_MAX - 1 <= value <= INT64_MAX:
        return value
    raise ValueError("must be a number, a text, true, false or null")


def _is_phone(value: str) -> str:
    if not re.fullmatch(r"\+[1-9]\d{6,14}", value):
        raise ValueError("must be a number in E.164 form, such as +8613800000000")
    return value


SafeStr = Annotated[str, Strict(), AfterValidator(_is_clean)]
# Lengths stand before what is written in Python: there they are checked by pydantic's own core.
Label = Annotated[str, Strict(), Field(min_length=1, max_length=64), AfterValidator(_is_said)]
FreeText = Annotated[str, Strict(), Field(min_length=1, max_length=4000), AfterValidator(_is_said)]
Code = Annotated[str, Strict(), Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]
SubscriberId = Annotated[str, Strict(), Field(pattern=f"^{SUBSCRIBER_ID}$", examples=["5281"])]
# A caller's own name for a fact: a second arrival under it returns the first.
Reference = Annotated[str, Strict(), Field(min_length=1, max_length=128), AfterValidator(_is_clean)]
PlainName = Annotated[str, Strict(), Field(pattern=r"^[A-Za-z0-9._:-]{1,64}$")]
Phone = Annotated[SafeStr, AfterValidator(_is_phone)]
AwareTime = Annotated[AwareDatetime, BeforeValidator(_is_rfc3339), AfterValidator(_is_in_living_memory)]
IsoDate = Annotated[date, BeforeValidator(_is_iso_date), AfterValidator(_is_in_living_memory)]
Flag = Annotated[bool, Strict()]
# A decimal in a text; a number is taken as well, and always answered as a text.
Money = Annotated[
    Decimal,
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "number"}], "examples": ["61.30"]}, mode="validation"),
    WithJsonSchema({"type": "string", "examples": ["61.30"]}, mode="serialization"),
]
FeatureName = Annotated[SafeStr, Field(min_length=1, max_length=64)]
Scalar = Annotated[
    Any,
    AfterValidator(_is_scalar),
    WithJsonSchema({"anyOf": [{"type": kind} for kind in ("number", "string", "boolean", "null")]}),
]
Features = Annotated[dict[FeatureName, Scalar], Field(max_length=500)]


class Wire(BaseModel):
    """A shape on the wire: a field it does not know is refused."""

    model_config = ConfigDict(extra="forbid")


def _kept_apart(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    """Let one item's faults be told of that item: the others are none the worse for it."""
    try:
        return validate(value)
    except ValidationError as error:
        return error


# Of an item in a batch.
JudgedAlone = WrapValidator(_kept_apart)
Item = TypeVar("Item")


class Page(Wire, Generic[Item]):
    """One page of a list in stable order; `next_cursor` is null on the last."""

    items: list[Item]
    next_cursor: str | None


class CursorRefused(Invalid):
    """The cursor is not one this list gave."""


def encode_cursor(*parts: str) -> str:
    return urlsafe_b64encode("\n".join(parts).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, parts: int) -> list[str]:
    """Return the parts of a cursor; raises CursorRefused."""
    try:
        found = b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode().split("\n")
    except ValueError as error:
        raise CursorRefused.at("/query/cursor", "is not a cursor of this list") from error
    if len(found) != parts or not all(found):
        raise CursorRefused.at("/query/cursor", "is not a cursor of this list")
    return found


def decode_time_cursor(cursor: str) -> tuple[datetime, UUID]:
    time, id = decode_cursor(cursor, 2)
    try:
        return datetime.fromisoformat(time).astimezone(UTC), UUID(id)
    except (ValueError, OverflowError) as error:
        raise CursorRefused.at("/query/cursor", "is not a cursor of this list") from error


def decode_id_cursor(cursor: str) -> UUID:
    try:
        return UUID(decode_cursor(cursor, 1)[0])
    except ValueError as error:
        raise CursorRefused.at("/query/cursor", "is not a cursor of this list") from error


def as_page(items: list[Item], limit: int, key: Callable[[Item], tuple[str, ...]]) -> Page[Item]:
    """Make a page of up to `limit` items from one more than that, if there are so many."""
    shown = items[:limit]
    return Page[Any](items=shown, next_cursor=encode_cursor(*key(shown[-1])) if len(items) > limit else None)
