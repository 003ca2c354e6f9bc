"""Whom do we deliberately leave untouched, to see what would have happened? Offers only: nobody's repair waits."""

import hashlib

from app.domain.decisions.context import Action, DecisionContext
from app.domain.decisions.guard import SoFar
from app.domain.decisions.trace import Removal
from app.domain.decisions.value import Value


def draw(person: str, name: str) -> float:
    """A number in [0, 1) that this person always draws for a holdout of this name: sticky, and nothing is stored."""
    return int.from_bytes(hashlib.sha256(f"{name}\0{person}".encode()).digest()[:7]) / 2**56


def held_out(context: DecisionContext, action: Action, _: Value, __: SoFar) -> Removal | None:
    share = context.policy.holdout_share
    if not action.is_sale or context.draw >= share:
        return None
    return Removal("HELD_OUT", f"one of the {share:.1%} who are given no offer, so that its effect can be measured")
