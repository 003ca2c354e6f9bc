"""Where a subscriber stands in their life with the operator: key points in four stages, and the moves between them."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from app.errors import Conflict


class LifecycleStep(Conflict):
    """A subscriber cannot move there from where they stand."""


class Stage(StrEnum):
    TARGET = "target"
    ACQUIRE = "acquire"
    RETAIN = "retain"
    EXPAND = "expand"


class KeyPoint(StrEnum):
    INTENT = "intent"
    QUALIFICATION = "qualification"
    APPLICATION = "application"
    ACTIVATION = "activation"
    ONBOARDING = "onboarding"
    FIRST_BILL = "first_bill"
    LOYALTY = "loyalty"
    SERVICE_COST = "service_cost"
    COMPLAINT_RECOVERY = "complaint_recovery"
    RETENTION = "retention"
    LEFT = "left"
    WIN_BACK = "win_back"
    USAGE_GROWTH = "usage_growth"
    ARPU_GROWTH = "arpu_growth"
    CROSS_SELL = "cross_sell"
    REFERRAL = "referral"


KEY_POINTS: Final[Mapping[Stage, tuple[KeyPoint, ...]]] = MappingProxyType(
    {
        Stage.TARGET: (KeyPoint.INTENT, KeyPoint.QUALIFICATION),
        Stage.ACQUIRE: (KeyPoint.APPLICATION, KeyPoint.ACTIVATION, KeyPoint.ONBOARDING, KeyPoint.FIRST_BILL),
        Stage.RETAIN: (
            KeyPoint.LOYALTY,
            KeyPoint.SERVICE_COST,
            KeyPoint.COMPLAINT_RECOVERY,
            KeyPoint.RETENTION,
            KeyPoint.LEFT,
            KeyPoint.WIN_BACK,
        ),
        Stage.EXPAND: (KeyPoint.USAGE_GROWTH, KeyPoint.ARPU_GROWTH, KeyPoint.CROSS_SELL, KeyPoint.REFERRAL),
    }
)
# What is to be asked of those who stand there: another question in each stage.
QUESTIONS: Final[Mapping[Stage, str]] = MappingProxyType(
    {
        Stage.TARGET: "Who is worth winning, and what would they come for?",
        Stage.ACQUIRE: "How many of those who apply get a working service and pay a first bill, and at what cost?",
        Stage.RETAIN: "Who is about to leave, why, and what does it cost to keep and to serve them?",
        Stage.EXPAND: "Who uses and spends more than before, and what else would serve them?",
    }
)
_STAGES: Final = {point: stage for stage, points in KEY_POINTS.items() for point in points}

# Whoever has paid a first bill moves freely between being kept and being grown.
_SETTLED: Final = frozenset(KEY_POINTS[Stage.RETAIN] + KEY_POINTS[Stage.EXPAND]) - {KeyPoint.LEFT, KeyPoint.WIN_BACK}
_TROUBLE: Final = frozenset({KeyPoint.COMPLAINT_RECOVERY, KeyPoint.RETENTION, KeyPoint.LEFT})
MOVES: Final[Mapping[KeyPoint, frozenset[KeyPoint]]] = MappingProxyType(
    {
        KeyPoint.INTENT: frozenset({KeyPoint.QUALIFICATION, KeyPoint.APPLICATION, KeyPoint.LEFT}),
        KeyPoint.QUALIFICATION: frozenset({KeyPoint.INTENT, KeyPoint.APPLICATION, KeyPoint.LEFT}),
        KeyPoint.APPLICATION: frozenset({KeyPoint.INTENT, KeyPoint.ACTIVATION, KeyPoint.LEFT}),
        KeyPoint.ACTIVATION: frozenset({KeyPoint.ONBOARDING, KeyPoint.FIRST_BILL}) | _TROUBLE,
        KeyPoint.ONBOARDING: frozenset({KeyPoint.FIRST_BILL}) | _TROUBLE,
        KeyPoint.FIRST_BILL: _SETTLED | {KeyPoint.LEFT},
        KeyPoint.LEFT: frozenset({KeyPoint.WIN_BACK}),
        KeyPoint.WIN_BACK: frozenset({KeyPoint.APPLICATION, KeyPoint.ACTIVATION, KeyPoint.LOYALTY, KeyPoint.LEFT}),
    }
    | {point: (_SETTLED | {KeyPoint.LEFT}) - {point} for point in _SETTLED}
)


def stage_of(point: KeyPoint) -> Stage:
    return _STAGES[point]


def require_step(before: KeyPoint | None, after: KeyPoint | None) -> None:
    """Raise LifecycleStep, naming the moves there are, where the table has none such.

    Who stood nowhere may stand anywhere, and whoever was entered wrongly can be taken out again.
    """
    if before is None or after is None or after is before or after in MOVES[before]:
        return
    allowed = ", ".join(point for point in KeyPoint if point in MOVES[before])
    raise LifecycleStep(f"from {before} a subscriber moves to {allowed}; not to {after}")
