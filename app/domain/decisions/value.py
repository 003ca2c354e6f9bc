"""What an action is expected to be worth: what it keeps, less what it costs.

expected value = uplift × retained margin − contact cost − p_accept × (accept cost + dilution)
"""

from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Final

from app.domain.decisions.context import Action, Churn, DecisionContext
from app.domain.decisions.trace import Removal

CENT: Final = Decimal("0.01")
WIDE: Final = Context(prec=60)  # digits enough for any revenue a 32-bit float can hold
DAYS_A_MONTH: Final = 30
INTERVAL_Z: Final = 1.96  # 95 % of a normal distribution


@dataclass(frozen=True, slots=True)
class Value:
    """An action's worth for one subscriber, money in the operator's currency, over `horizon_days`."""

    uplift: float
    uplift_interval: tuple[float, float]
    horizon_days: int
    retained_margin: Decimal
    contact_cost: Decimal
    accept_cost: Decimal
    dilution: Decimal
    p_accept: float
    expected_value: Decimal


def value_of(context: DecisionContext, action: Action) -> Value | Removal:
    if context.churn is None:
        return Removal("RISK_UNKNOWN", "the churn risk is unknown, so nothing can be weighed")
    if context.monthly_margin is None:
        return Removal("MARGIN_UNKNOWN", "no revenue is known of the subscriber, so nothing can be weighed")
    months = Decimal(action.horizon_days) / DAYS_A_MONTH
    uplift, interval = uplift_of(context.churn, action)
    retained = _cents(context.monthly_margin * months)
    dilution = _cents(max(-action.monthly_arpu_effect, Decimal(0)) * months)
    accepted = Decimal(repr(action.p_accept)) * (action.accept_cost + dilution)
    expected = Decimal(repr(uplift)) * retained - action.contact_cost - accepted
    return Value(
        uplift=uplift,
        uplift_interval=interval,
        horizon_days=action.horizon_days,
        retained_margin=retained,
        contact_cost=action.contact_cost,
        accept_cost=action.accept_cost,
        dilution=dilution,
        p_accept=action.p_accept,
        expected_value=_cents(expected),
    )


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, context=WIDE)


def uplift_of(churn: Churn, action: Action) -> tuple[float, tuple[float, float]]:
    """Fall of the churn probability within the action's horizon: the share it keeps × what would be lost."""
    at_stake = churn_within(churn, action.horizon_days)
    spread = INTERVAL_Z * action.effect.sd
    low, high = (max(-1.0, min(1.0, share)) for share in (action.effect.mean - spread, action.effect.mean + spread))
    return action.effect.mean * at_stake, (low * at_stake, high * at_stake)


def churn_within(churn: Churn, days: int) -> float:
    """Carry the probability to another horizon at a constant hazard: 1 − (1 − p)^(days ÷ the score's own)."""
    return float(1.0 - (1.0 - churn.probability) ** (days / churn.horizon_days))


def worthless(value: Value) -> Removal | None:
    if value.expected_value > 0:
        return None
    return Removal("NOT_WORTH_IT", f"expected value {value.expected_value} is not above 0")
