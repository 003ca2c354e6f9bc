"""Where the values of one source column go, and as what."""

import re
from datetime import date, datetime
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from app.domain.features import FeatureType

PROFILE_FIELDS: Final = frozenset(["region", "brand", "value_tier", "payment_type", "group_id", "joined_on", "status"])
CONTACT_FIELDS: Final = frozenset(["name", "phone", "email", "address"])
FEATURE_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_ANY_DAY: Final = date(2003, 11, 28)

ValueType = Literal["number", "category", "boolean", "date", "text"]


class Piece(BaseModel):
    """Part of a mapping file: a key it does not know is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _reads_dates(form: str) -> str:
    try:
        datetime.strptime(_ANY_DAY.strftime(form), form)  # noqa: DTZ007  # only to see whether it can be read
    except ValueError:
        form = ""
    if "%" not in form:
        raise ValueError("is not a form of dates such as %d/%m/%Y")
    return form


DateForm = Annotated[str, AfterValidator(_reads_dates)]


class Part(Piece):
    """One part of a text that holds several: `take` counts from 1 the parts between the signs `by`."""

    by: str = Field(min_length=1)
    take: int = Field(ge=1)


class FieldMapping(Piece):
    """Where the values of one source column go, and what they are.

    `dated` is the column that says since when the value is known, so that a value later than its row can be refused.
    """

    to: str
    type: ValueType
    format: DateForm | None = None
    missing: tuple[str, ...] = ()
    part: Part | None = None
    dated: str | None = None
    unit: str | None = None
    min: float | None = Field(None, allow_inf_nan=False)
    max: float | None = Field(None, allow_inf_nan=False)

    @model_validator(mode="after")
    def _fits_its_place(self) -> Self:
        place, name = self.place
        if not _is_place(place, name):
            raise ValueError(
                f"to: {self.to!r} is no place; use features.<name>, contact.<name>, consents.<channel>"
                f" or profile.<name> with one of {', '.join(sorted(PROFILE_FIELDS))}"
            )
        if place == "features" and self.type not in set(FeatureType):
            raise ValueError(f"a feature is a number, a category, a boolean or a date, not a {self.type}")
        if self.format is not None and self.type != "date":
            raise ValueError(f"a {self.type} has no format: only a date has one")
        if not (self.min is None and self.max is None) and self.type != "number":
            raise ValueError(f"a {self.type} has no min and no max: only a number has them")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min is above max")
        return self

    @property
    def place(self) -> tuple[str, str]:
        place, _, name = self.to.partition(".")
        return place, name


def _is_place(place: str, name: str) -> bool:
    known = {"profile": PROFILE_FIELDS, "contact": CONTACT_FIELDS}
    if place in known:
        return name in known[place]
    return place in {"features", "consents"} and bool(FEATURE_NAME.fullmatch(name))


def _as_list(given: Any) -> Any:
    return given if isinstance(given, list | tuple) else [given]


Destinations = Annotated[tuple[FieldMapping, ...], BeforeValidator(_as_list), Field(min_length=1)]
