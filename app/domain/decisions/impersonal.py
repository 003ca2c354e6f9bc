"""What everybody is offered, whatever is known of them: the alternative to a decision that weighs a person."""

from collections.abc import Iterable
from datetime import datetime

from app.domain.decisions.context import Action, FactUnknown
from app.domain.interactions import Channel


def impersonal(catalogue: Iterable[Action], channel: Channel, at: datetime) -> list[Action]:
    """Return the actions over this channel that sell nothing and ask nothing about the person, the cheapest first."""
    open_to_all = [action for action in catalogue if channel in action.channels and _is_open_to_all(action, at)]
    return sorted(open_to_all, key=lambda action: (action.contact_cost, action.code))


def _is_open_to_all(action: Action, at: datetime) -> bool:
    if action.is_sale or not action.has_begun(at) or action.has_ended(at):
        return False
    try:
        return action.is_eligible({})
    except FactUnknown:
        return False
