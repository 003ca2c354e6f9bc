"""Answers to surveys: two families that are never mixed, scores with stated weights, and when one is low."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.domain.expectations import Dimension, Expectation


class Family(StrEnum):
    """Asked by a research company of its own sample, or by ourselves of those we served: never averaged together."""

    EXTERNAL = "external"
    INTERNAL = "internal"


class SurveyChannel(StrEnum):
    """How somebody was asked; the first four are the ways of a callback."""

    CALL = "call"
    SMS = "sms"
    LETTER = "letter"
    VISIT = "visit"
    APP = "app"
    WEB = "web"


class Role(StrEnum):
    """Who served; each role has a target of its own."""

    FRONT_DESK_SUPERVISOR = "front_desk_supervisor"
    SERVICE_ADVISOR = "service_advisor"
    TECHNICAL_DIRECTOR = "technical_director"
    CUSTOMER_SERVICE = "customer_service"


SCALES: Final = (5, 7, 10, 100)
LOW_SHARE: Final = 0.4
_WEIGHTS_TOLERANCE: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Answer:
    """One item's answer, on 1…scale_max; a weight is the item's share of the response's score."""

    item: str
    dimension: Dimension | None = None
    score: float | None = None
    ideal: float | None = None
    adequate: float | None = None
    perceived: float | None = None
    weight: float | None = None

    @property
    def rating(self) -> float | None:
        """What was given: the score, else how the service was perceived."""
        return self.perceived if self.score is None else self.score

    @property
    def expectation(self) -> Expectation | None:
        if self.ideal is None or self.adequate is None or self.perceived is None:
            return None
        return Expectation(self.ideal, self.adequate, self.perceived)


def weighted_mean(values: Sequence[float], weights: Sequence[float]) -> float:
    """Σ wᵢxᵢ with Σ wᵢ = 1; raises ValueError for weights that do not sum to 1."""
    if not sum_to_one(weights):
        raise ValueError("the weights do not sum to 1")
    return math.fsum(weight * value for weight, value in zip(weights, values, strict=True))


def sum_to_one(weights: Sequence[float]) -> bool:
    return abs(math.fsum(weights) - 1) <= _WEIGHTS_TOLERANCE


def score_of(answers: Sequence[Answer]) -> float | None:
    """Give a response's score on its own scale: the mean of its ratings by their weights, or by equal ones."""
    rated = [(answer.rating, answer.weight) for answer in answers if answer.rating is not None]
    if not rated:
        return None
    equal = 1 / len(rated)
    ratings = [rating for rating, _ in rated]
    return weighted_mean(ratings, [equal if weight is None else weight for _, weight in rated])


def is_low(score: float | None, scale_max: int) -> bool:
    """Tell whether a score is in the lowest two fifths of its scale: up to 4 of 10, 2 of 5."""
    return score is not None and score <= LOW_SHARE * scale_max


def is_dissatisfied(answers: Sequence[Answer], score: float | None, scale_max: int) -> bool:
    """Less than would do in any respect, or a low score on the whole."""
    short = any(
        answer.perceived is not None and answer.adequate is not None and answer.perceived < answer.adequate
        for answer in answers
    )
    return short or is_low(score, scale_max)
