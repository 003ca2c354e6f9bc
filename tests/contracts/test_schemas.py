"""Every value that comes in is bounded: no bare text, number or time in a body, a path, a query or a header."""

import types
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from uuid import UUID

import annotated_types
import pytest
from fastapi.routing import APIRoute
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, Strict, TypeAdapter
from pydantic.fields import FieldInfo

from app import routers
from app.schemas.base import AwareTime, Flag, IsoDate, Label

Leaf = tuple[str, Any, tuple[Any, ...]]


def routes() -> Iterator[APIRoute]:
    for module in routers.IN_ORDER:
        for route in module.router.routes:
            assert isinstance(route, APIRoute)
            yield route


def bodies() -> dict[str, type[BaseModel]]:
    found = (route.body_field.field_info.annotation for route in routes() if route.body_field)
    return {model.__name__: model for model in found if isinstance(model, type) and issubclass(model, BaseModel)}


def parameters() -> dict[str, FieldInfo]:
    """What paths, queries and headers take."""
    found = {}
    for route in routes():
        pending = [route.dependant]
        while pending:
            dependant = pending.pop()
            pending += dependant.dependencies
            for field in (*dependant.path_params, *dependant.query_params, *dependant.header_params):
                found[f"{route.operation_id} {field.alias}"] = field.field_info
    return found


def leaves(place: str, annotation: Any, metadata: tuple[Any, ...] = ()) -> Iterator[Leaf]:
    """Yield each plain type inside an annotation, with everything that constrains it."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        yield from leaves(place, arguments[0], (*arguments[1:], *metadata))
    elif origin in {Union, types.UnionType}:
        for argument in arguments:
            yield from leaves(place, argument, metadata)
    elif origin in {list, tuple, set, dict}:
        yield place, origin, metadata
        for argument in arguments:
            yield from leaves(f"{place}[]", argument)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield place, annotation, metadata
        for name, field in annotation.model_fields.items():
            yield from leaves(f"{place}.{name}", field.annotation, tuple(field.metadata))
    else:
        yield place, annotation, metadata


def why_unsafe(annotation: Any, metadata: tuple[Any, ...]) -> str | None:  # noqa: C901, PLR0911  # one line a type
    """Say what a value of this type still lacks before it may come from outside."""
    constraints = [inner for outer in metadata for inner in _unpacked(outer)]
    kinds = {type(constraint) for constraint in constraints}
    if annotation in {type(None), UUID} or get_origin(annotation) is Literal:
        return None
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return None
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return None if annotation.model_config.get("extra") == "forbid" else "takes fields it does not know"
    if annotation is str:
        pattern = any(getattr(constraint, "pattern", None) for constraint in constraints)
        bounded = pattern or annotated_types.MaxLen in kinds
        checked = AfterValidator in kinds
        return None if Strict in kinds and (bounded or checked) else "is a bare text"
    if annotation is int:
        limits = kinds & {annotated_types.Ge, annotated_types.Gt, annotated_types.Le, annotated_types.Lt}
        strict = Strict in kinds or any(getattr(constraint, "strict", False) for constraint in constraints)
        return None if strict and len(limits) > 1 else "is a bare whole number"
    if annotation is float:  # bounded on both sides, it is neither NaN nor infinite
        limits = kinds & {annotated_types.Ge, annotated_types.Gt, annotated_types.Le, annotated_types.Lt}
        strict = Strict in kinds or any(getattr(constraint, "strict", False) for constraint in constraints)
        return None if strict and len(limits) > 1 else "is a bare number"
    if annotation is Decimal:
        return None if any(getattr(constraint, "max_digits", None) for constraint in constraints) else "is any amount"
    if annotation is bool:
        return None if Strict in kinds else "takes texts and numbers for true and false"
    if annotation in {datetime, date, AwareDatetime}:
        return None if {BeforeValidator, AfterValidator} <= kinds else "is a bare time"
    if annotation in {list, tuple, set, dict}:
        return None if annotated_types.MaxLen in kinds else "has no most items"
    return None if annotation is Any and AfterValidator in kinds else "is not a type that may come in"


def _unpacked(constraint: Any) -> list[Any]:
    return [*constraint.metadata, constraint] if isinstance(constraint, FieldInfo) else [constraint]


def faults(model: type[BaseModel]) -> dict[str, str]:
    found = [(place, why_unsafe(annotation, metadata)) for place, annotation, metadata in leaves("", model)]
    return {place: fault for place, fault in found if fault}


def test_the_bodies_are_found() -> None:
    assert {
        "ScoreRequest",
        "InteractionCreate",
        "ComplaintUpdate",
        "SubscriberWrite",
        "DecisionCreate",
    } <= bodies().keys()
    assert len(parameters()) > 30


@pytest.mark.parametrize("name", bodies())
def test_every_value_of_a_body_is_bounded(name: str) -> None:
    assert faults(bodies()[name]) == {}


@pytest.mark.parametrize("name", parameters())
def test_every_value_of_a_path_a_query_or_a_header_is_bounded(name: str) -> None:
    field = parameters()[name]
    for _, annotation, metadata in leaves(name, field.annotation, tuple(field.metadata)):
        # Paths and queries are texts: a number has to be read from one, so strictness is not theirs to have.
        assert why_unsafe(annotation, (*metadata, Strict())) is None, name


class _Loose(BaseModel):
    text: str
    number: int
    half_bounded: int = Field(ge=0)
    perhaps: float | None = None
    share: float
    amount: Decimal
    moment: datetime
    day: date
    flag: bool
    anything: Any
    many: list[Label]


class _Tight(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: Label
    number: int = Field(strict=True, ge=0, le=9)
    moment: AwareTime | None
    day: IsoDate
    flag: Flag
    many: Annotated[dict[Label, Label | None], Field(max_length=9)]


def test_this_check_tells_loose_from_tight() -> None:
    assert TypeAdapter(_Tight)
    assert faults(_Tight) == {}
    expected = {f".{name}" for name in _Loose.model_fields} | {""}
    assert faults(_Loose).keys() == expected
