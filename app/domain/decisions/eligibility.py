"""May this subscriber have this action at all? Hard rules, which no score outvotes."""

from typing import Final

from app.domain.consents import PROFILING
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


def _refuses_profiling(context: DecisionContext, _: Action) -> Removal | None:
    """Nothing here can be ranked without assessing the person. What everybody is offered is not decided."""
    if PROFILING in context.opted_out and context.churn is None:
        return Removal("NO_PROFILING", "the subscriber refuses profiling: nothing is weighed about them")
    return None


def _channel(context: DecisionContext, action: Action) -> Removal | None:
    if context.channel not in action.channels:
        return Removal("CHANNEL", f"not made over {context.channel}, only over {', '.join(sorted(action.channels))}")
    return None


def _validity(context: DecisionContext, action: Action) -> Removal | None:
    if action.valid_from and not action.has_begun(context.at):
        return Removal("NOT_YET_VALID", f"valid from {action.valid_from.isoformat()}", action.valid_from)
    if action.valid_to and action.has_ended(context.at):
        return Removal("NO_LONGER_VALID", f"valid until {action.valid_to.isoformat()}")
    return None


def _negative_margin(context: DecisionContext, action: Action) -> Removal | None:
    """Who costs more than they bring is not paid to stay. An unknown margin is for the value to judge."""
    margin = context.monthly_margin
    if action.is_paid and margin is not None and margin < 0:
        return Removal("NEGATIVE_MARGIN", f"no paid offer at a margin of {margin:.2f} a month")
    return None


def _group_member(context: DecisionContext, action: Action) -> Removal | None:
    """Where the group pays a flat fee, one member more or less changes no bill."""
    if action.is_paid and context.bill_is_flat:
        return Removal("GROUP_MEMBER_EXIT", "the group pays a flat fee: a member who leaves takes no revenue along")
    return None


def _short_tenure(context: DecisionContext, action: Action) -> Removal | None:
    """A tenure nobody has told us is no reason to refuse."""
    tenure, least = context.tenure_months, context.policy.least_tenure_months
    if action.is_paid and tenure is not None and tenure < least:
        return Removal("SHORT_TENURE", f"with us for {tenure:.1f} months, and paid offers begin at {least}")
    return None


def _fault_first(context: DecisionContext, action: Action) -> Removal | None:
    """What is broken is repaired before a price is spoken of."""
    if action.priced and context.open_faults:
        return Removal("FAULT_FIRST", f"{context.open_faults} network fault(s) open: repair before price")
    return None


def _condition(context: DecisionContext, action: Action) -> Removal | None:
    try:
        eligible = action.is_eligible(context.facts)
    except FactUnknown as unknown:
        return Removal("FACT_UNKNOWN", f"cannot tell whether {action.eligibility}: {unknown} is unknown")
    return None if eligible else Removal("NOT_ELIGIBLE", f"needs {action.eligibility}")


RULES: Final[tuple[Rule, ...]] = (
    _involuntary,
    _churned,
    _refuses_profiling,
    _channel,
    _validity,
    _negative_margin,
    _group_member,
    _short_tenure,
    _fault_first,
    _condition,
)
