"""What may become of a decided action: first the answer to it, later its result."""

from enum import StrEnum
from typing import Final


class OutcomeKind(StrEnum):
    ACCEPTED = "accepted"
    DECLINED = "declined"
    NO_RESPONSE = "no_response"
    LATER = "later"
    RETAINED = "retained"
    CHURNED = "churned"


class Stage(StrEnum):
    RESPONSE = "response"
    RESULT = "result"


_RESULTS: Final = frozenset({OutcomeKind.RETAINED, OutcomeKind.CHURNED})


def stage_of(outcome: OutcomeKind) -> Stage:
    return Stage.RESULT if outcome in _RESULTS else Stage.RESPONSE


def is_final(outcome: OutcomeKind) -> bool:
    """Only "later" leaves the answer open."""
    return outcome is not OutcomeKind.LATER
