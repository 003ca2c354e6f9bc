"""Can we afford it? What keeps one subscriber may not cost more than they are worth, nor pull the whole base down."""

from dataclasses import dataclass
from decimal import Decimal

from app.domain.decisions.context import Action, DecisionContext, Ledger
from app.domain.decisions.policy import Policy
from app.domain.decisions.trace import Removal
from app.domain.decisions.value import Value


@dataclass(slots=True)
class SoFar:
    """What this decision has chosen so far, in money: each further action is weighed on top of it."""

    spending: Decimal = Decimal(0)
    given_away: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)

    def add(self, action: Action, value: Value) -> None:
        self.spending += spending_of(value)
        self.given_away += giveaway_of(action, value)
        self.cost += cost_of(value)


def spending_of(value: Value) -> Decimal:
    """What it costs if it is taken up."""
    return value.accept_cost + value.dilution


def giveaway_of(action: Action, value: Value) -> Decimal:
    """Revenue a month it is expected to give away."""
    return Decimal(repr(value.p_accept)) * action.monthly_giveaway


def cost_of(value: Value) -> Decimal:
    """Money it is expected to cost, apart from revenue."""
    return value.contact_cost + Decimal(repr(value.p_accept)) * value.accept_cost


def arpu_room(policy: Policy, ledger: Ledger) -> Decimal | None:
    """Revenue a month that may be given away in all before the floor is reached; None where nothing is guarded."""
    if policy.arpu_floor_share is None or ledger.base is None:
        return None
    return ledger.base.monthly_revenue * (1 - policy.arpu_floor_share)


def spend_cap(context: DecisionContext, _: Action, value: Value, chosen: SoFar) -> Removal | None:
    """A share of the lifetime value: a margin for as many months again as mark a long-standing subscriber.

    Whoever has stood them already is counted on for twice as long.
    """
    policy, margin = context.policy, context.monthly_margin
    spending = spending_of(value)
    if policy.spend_cap_share is None or margin is None or spending == 0:
        return None
    stood = context.tenure_months is not None and context.tenure_months > policy.long_standing_months
    lifetime_value = margin * policy.long_standing_months * (2 if stood else 1)
    most = policy.spend_cap_share * lifetime_value
    spent = context.spent + chosen.spending
    if spent + spending <= most:
        return None
    told = f"{spending:.2f} on top of {spent:.2f} is more than {most:.2f},"
    return Removal("SPEND_CAP", f"{told} which is {policy.spend_cap_share:.0%} of the lifetime value")


def arpu_guard(context: DecisionContext, action: Action, value: Value, chosen: SoFar) -> Removal | None:
    ledger, room = context.ledger, arpu_room(context.policy, context.ledger)
    given = giveaway_of(action, value)
    after = ledger.given_away + chosen.given_away + given
    if room is None or ledger.base is None or given == 0 or after <= room:
        return None
    per_head = [(ledger.base.monthly_revenue - given) / ledger.base.subscribers for given in (after, room)]
    return Removal(
        "ARPU_GUARD",
        f"would bring revenue a subscriber to {per_head[0]:.4f}, below the floor of {per_head[1]:.4f}:"
        f" {after:.2f} a month given away, and {room:.2f} may be",
    )
