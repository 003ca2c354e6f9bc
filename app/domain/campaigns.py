"""Campaigns: what they may do, through which states they pass, and who gets which arm."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

HOLDOUT: Final = "holdout"
# Nobody's repair or apology waits for a measurement.
NEVER_WITHHELD: Final = frozenset({"repair", "apology", "nothing"})


class CampaignState(StrEnum):
    DRAFT = "draft"
    RUNNING = "running"
    ENDED = "ended"
    CANCELLED = "cancelled"


STEPS: Final = {
    CampaignState.DRAFT: frozenset({CampaignState.RUNNING, CampaignState.CANCELLED}),
    CampaignState.RUNNING: frozenset({CampaignState.ENDED}),
    CampaignState.ENDED: frozenset[CampaignState](),
    CampaignState.CANCELLED: frozenset[CampaignState](),
}


@dataclass(frozen=True, slots=True)
class Share:
    """An arm and the probability of being given it; a draw in [`begins`, the next one's) falls to it."""

    arm: str
    propensity: float
    begins: float


def shares(actions: Sequence[str], holdout_share: float) -> list[Share]:
    """The holdout first, then each action alike. What a person draws never changes, so their arm never does."""
    each = (1 - holdout_share) / len(actions)
    treated = [Share(code, each, holdout_share + number * each) for number, code in enumerate(actions)]
    return [Share(HOLDOUT, holdout_share, 0.0), *treated]


@dataclass(frozen=True, slots=True)
class Likeness:
    """What of two campaigns is compared: the segment's words, the actions, the goal's words."""

    segment: frozenset[str]
    actions: frozenset[str]
    goal: frozenset[str]


def likeness(one: Likeness, other: Likeness) -> float:
    """How alike two campaigns are, in [0, 1]: the mean of the three Jaccard indexes."""
    pairs = ((one.segment, other.segment), (one.actions, other.actions), (one.goal, other.goal))
    return sum(_jaccard(*pair) for pair in pairs) / len(pairs)


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other) if one | other else 1.0
