from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, ValidationInfo, field_validator

from app.domain.expectations import Dimension, Zone
from app.domain.surveys import Answer, Family, Role, SurveyChannel, sum_to_one
from app.schemas.base import AwareTime, Code, FreeText, Label, Reference, SubscriberId, Wire

Rating = Annotated[float, Field(strict=True, ge=1, le=100, allow_inf_nan=False)]
Weight = Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)]
Scale = Literal[5, 7, 10, 100]


class AnswerCreate(Wire):
    """One item's answer: a score, or how the service was perceived beside what was expected of it."""

    item: Code
    dimension: Dimension | None = None
    score: Rating | None = None
    ideal: Rating | None = None
    adequate: Rating | None = None
    perceived: Rating | None = None
    weight: Annotated[
        Weight | None, Field(description="Share of the response's score; given for all items or none")
    ] = None

    def as_domain(self) -> Answer:
        return Answer(**self.model_dump())


class SurveyResponseCreate(Wire):
    """One person's answers. An external response may be anonymous; an internal one names its subscriber."""

    family: Family
    survey: Annotated[Label, Field(description="Which survey, or which wave of it")]
    subscriber_id: Annotated[SubscriberId | None, Field(validate_default=True)] = None
    touchpoint: Code
    channel: SurveyChannel
    answered_at: AwareTime
    scale_max: Annotated[Scale, Field(description="Scores are on 1…scale_max")] = 10
    answers: Annotated[list[AnswerCreate], Field(min_length=1, max_length=100)]
    comment: FreeText | None = None
    agent_id: Label | None = None
    role: Role | None = None
    callback_id: Annotated[UUID | None, Field(description="The callback in which these answers were given")] = None
    client_reference: Reference | None = None

    @field_validator("subscriber_id")
    @classmethod
    def _is_named_within_the_house(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None and info.data.get("family") is Family.INTERNAL:
            raise ValueError("is required of an internal survey")
        return value

    @field_validator("answers")
    @classmethod
    def _are_weighed_all_or_none(cls, value: list[AnswerCreate]) -> list[AnswerCreate]:
        weights = [answer.weight for answer in value if answer.weight is not None]
        if weights and (len(weights) != len(value) or not sum_to_one(weights)):
            raise ValueError("have weights that are not given for all items, or do not sum to 1")
        if len({answer.item for answer in value}) < len(value):
            raise ValueError("name an item twice")
        return value

    @field_validator("comment")
    @classmethod
    def _is_somebodys(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.data.get("subscriber_id") is None:
            raise ValueError("can only be kept for a named subscriber, under whose key it is sealed")
        return value


class AnswerRead(Wire):
    item: str
    dimension: Dimension | None
    score: float | None
    ideal: float | None
    adequate: float | None
    perceived: float | None
    weight: float | None
    dissatisfied: Annotated[bool, Field(description="perceived < adequate")]
    inconsistent: Annotated[bool, Field(description="ideal < adequate: kept, and left out of the gaps")]


class SurveyResponseRead(Wire):
    id: UUID
    family: Family
    survey: str
    subscriber_id: str | None
    touchpoint: str
    channel: SurveyChannel
    answered_at: datetime
    scale_max: int
    answers: list[AnswerRead]
    score: Annotated[float | None, Field(description="Weighted mean of the ratings, on the response's own scale")]
    dissatisfied: bool
    comment: str | None
    agent_id: str | None
    role: Role | None
    callback_id: UUID | None
    client_reference: str | None
    recorded_at: datetime


class GapRead(Wire):
    """Means over the answers of one touchpoint and dimension, each on 0…100 of its scale: (x - 1) / (max - 1) · 100."""

    touchpoint: str
    dimension: Dimension | None
    answers: int
    ideal: float | None
    adequate: float | None
    perceived: float | None
    adequacy_gap: float | None
    superiority_gap: float | None
    zone_width: float | None
    zone: Zone | None
    dissatisfied: Annotated[bool | None, Field(description="perceived < adequate")]
    inconsistent: Annotated[int, Field(description="Answers with ideal < adequate, left out of the means")]


class GapsRead(Wire):
    family: Family
    items: list[GapRead]


class TargetWrite(Wire):
    target: Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False, description="Share of the scale")]


class TargetRead(Wire):
    family: Family
    role: Role
    target: float
    updated_at: datetime
