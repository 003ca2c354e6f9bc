"""Whom do we deliberately leave untouched, to see what would have happened? Offers only: nobody's repair waits."""

import hashlib
from typing import Final

from app.domain.decisions.context import Action, DecisionContext
from app.domain.decisions.guard import SoFar
from app.domain.decisions.trace import Removal
from app.domain.decisions.value import Value

HELD_OUT: Final = "HELD_OUT"


def draw(person: str, name: str) -> float:
    """A number in [0, 1) that this person always draws for a holdout of this name: sticky, and nothing is stored."""
    return int.from_bytes(hashlib.sha256(f"{name}\0{person}".encode()).digest()[:7]) / 2**56


def in_another_arm(context: DecisionContext, action: Action, _: Value, __: SoFar) -> Removal | None:
    """A campaign's members get the action of their arm and none of its others, or nothing would be compared."""
    for campaign in context.campaigns:
        if action.code in campaign.actions and action.code != campaign.action:
            if campaign.action is None:
                return Removal(HELD_OUT, f"held out of the campaign {campaign.campaign}, so that it can be measured")
            return Removal("CAMPAIGN_ARM", f"the campaign {campaign.campaign} gives this person {campaign.action}")
    return None


def held_out(context: DecisionContext, action: Action, _: Value, __: SoFar) -> Removal | None:
    share = context.policy.holdout_share
    if not action.is_sale or context.draw >= share:
        return None
    return Removal(HELD_OUT, f"one of the {share:.1%} who are given no offer, so that its effect can be measured")
