"""Is any left today? Capacity of the people who do it, and the day's money."""

from app.domain.decisions.context import Action, DecisionContext
from app.domain.decisions.guard import SoFar, cost_of
from app.domain.decisions.trace import Removal
from app.domain.decisions.value import Value


def capacity(context: DecisionContext, action: Action, _: Value, __: SoFar) -> Removal | None:
    most, used = action.capacity_per_day, context.ledger.used.get(action.code, 0)
    if most is None or used < most:
        return None
    return Removal("CAPACITY", f"{used} of {most} a day are taken")


def budget(context: DecisionContext, _: Action, value: Value, chosen: SoFar) -> Removal | None:
    most, spent = context.policy.daily_budget, context.ledger.spent_today + chosen.cost
    if most is None or spent + cost_of(value) <= most:
        return None
    return Removal("BUDGET", f"{cost_of(value):.2f} on top of {spent:.2f} is more than the day's {most:.2f}")
