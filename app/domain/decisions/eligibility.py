"""May this subscriber have this action at all? Hard rules, which no score outvotes."""

from typing import Final

from app.domain.decisions.context import Action, DecisionContext, FactUnknown
from app.domain.decisions.trace import Removal, Rule
from app.domain.subscribers import INVOLUNTARY, SubscriberStatus


def _involuntary(context: DecisionContext, _: Action) -> Removal | None:
    """Whom the operator cut off is not to be won back."""
    if context.status in INVOLUNTARY:
        return Removal("INVOLUNTARY", f"the subscriber's status is {context.status}: nothing is offered")
    return None


def _churned(context: DecisionContext, _: Action) -> Removal | None:
    if context.status is SubscriberStatus.CHURNED:
        return Removal("CHURNED", "the subscriber has left")
    return None


def _channel(context: DecisionContext, action: Action) -> Removal | None:
    if context.channel not in action.channels:
        return Removal("CHANNEL", f"not made over {context.channel}, only over {', '.join(sorted(action.channels))}")
    return None


def _validity(context: DecisionContext, action: Action) -> Removal | None:
    if action.valid_from and context.at < action.valid_from:
        return Removal("NOT_YET_VALID", f"valid from {action.valid_from.isoformat()}", action.valid_from)
    if action.valid_to and context.at >= action.valid_to:
        return Removal("NO_LONGER_VALID", f"valid until {action.valid_to.isoformat()}")
    return None


def _condition(context: DecisionContext, action: Action) -> Removal | None:
    try:
        eligible = action.is_eligible(context.facts)
    except FactUnknown as unknown:
        return Removal("FACT_UNKNOWN", f"cannot tell whether {action.eligibility}: {unknown} is unknown")
    return None if eligible else Removal("NOT_ELIGIBLE", f"needs {action.eligibility}")


RULES: Final[tuple[Rule, ...]] = (_involuntary, _churned, _channel, _validity, _condition)
