"""What an action is expected to be worth: what it keeps, less what it costs.

expected value = uplift × retained margin − contact cost − p_accept × (accept cost + dilution)
"""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Context, Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Final

from app.domain.decisions.context import Action, Churn, DecisionContext, Effect, Gain
from app.domain.decisions.trace import Removal
from app.domain.outcomes import OutcomeKind
from app.domain.subscribers import Locality

CENT: Final = Decimal("0.01")
WIDE: Final = Context(prec=60)  # digits enough for any revenue a 32-bit float can hold
DAYS_A_MONTH: Final = 30
INTERVAL_Z: Final = 1.96  # 95 % of a normal distribution
# As many answers as the catalogue's word on acceptance weighs against a person's own (a beta prior's two counts added).
PRIOR_ANSWERS: Final = 10
MOST_INCLINED: Final = 2.0  # a few answers tell the direction; how far they may carry an effect is bounded


class UpliftSource(StrEnum):
    PRIOR = "prior"
    LEARNED = "learned"


@dataclass(frozen=True, slots=True)
class Value:
    """An action's worth for one subscriber, money in the operator's currency, over `horizon_days`.

    The intervals are the ends of the effect's 95 % interval, carried through the formula.
    """

    uplift: float
    uplift_interval: tuple[float, float]
    uplift_source: UpliftSource
    horizon_days: int
    retained_margin: Decimal
    contact_cost: Decimal
    accept_cost: Decimal
    dilution: Decimal
    p_accept: float
    expected_value: Decimal
    value_interval: tuple[Decimal, Decimal]


def value_of(context: DecisionContext, action: Action) -> Value | Removal:
    if context.churn is None:
        return Removal("RISK_UNKNOWN", "the churn risk is unknown, so nothing can be weighed")
    if context.monthly_margin is None:
        return Removal("MARGIN_UNKNOWN", "no revenue is known of the subscriber, so nothing can be weighed")
    inclined = _inclination(context, action)
    keeps = inclined * _staying_power(context)
    learned = context.learned.get(action.code)
    if learned and learned.gain:
        uplift, interval = gain_of(learned.gain, action, keeps)
    else:
        effect = updated(action.effect, learned.share) if learned else action.effect
        uplift, interval = uplift_of(context.churn, action, effect, keeps)
    retained = _over(context.monthly_margin, action.horizon_days)
    dilution = _over(action.monthly_giveaway, action.horizon_days)
    p_accept = min(1.0, action.p_accept * inclined)
    cost = action.contact_cost + Decimal(repr(p_accept)) * (action.accept_cost + dilution)
    low, worth, high = (_cents(Decimal(repr(kept)) * retained - cost) for kept in (interval[0], uplift, interval[1]))
    return Value(
        uplift=uplift,
        uplift_interval=interval,
        uplift_source=UpliftSource.LEARNED if learned else UpliftSource.PRIOR,
        horizon_days=action.horizon_days,
        retained_margin=retained,
        contact_cost=action.contact_cost,
        accept_cost=action.accept_cost,
        dilution=dilution,
        p_accept=p_accept,
        expected_value=worth,
        value_interval=(min(low, high), max(low, high)),
    )


@lru_cache(maxsize=4096)
def _over(monthly: Decimal, days: int) -> Decimal:
    """An amount a month over so many days."""
    return _cents(monthly * Decimal(days) / DAYS_A_MONTH)


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, context=WIDE)


def _inclination(context: DecisionContext, action: Action) -> float:
    """How much likelier than the catalogue says this person is to take it up: by what they said to its like before."""
    if not context.outcomes or not 0 < action.p_accept < 1:
        return _readiness(context, action)
    like = {known.code for known in context.catalogue if known.kind is action.kind}
    answers = [past.outcome for past in context.outcomes if past.action in like]
    yes, no = answers.count(OutcomeKind.ACCEPTED), answers.count(OutcomeKind.DECLINED)
    believed = (PRIOR_ANSWERS * action.p_accept + yes) / (PRIOR_ANSWERS + yes + no)
    return min(believed / action.p_accept, MOST_INCLINED) * _readiness(context, action)


def _readiness(context: DecisionContext, action: Action) -> float:
    """0 at the moment somebody says "later", and back to 1 as that fades: 1 − 2^(−days ÷ half-life)."""
    said = context.times_of(action, OutcomeKind.LATER)
    if not said:
        return 1.0
    days = max(context.at - said[-1], timedelta(0)) / timedelta(days=1)
    return float(1.0 - 2.0 ** (-days / context.policy.later_half_life_days))


def _staying_power(context: DecisionContext) -> float:
    """Who is only passing through is harder to keep."""
    return context.policy.floating_keeps if context.locality is Locality.FLOATING else 1.0


def updated(prior: Effect, measured: Effect) -> Effect:
    """The catalogue's belief once it has seen a measurement: both weighed by their precision (a normal posterior)."""
    if not prior.sd or not measured.sd:
        return measured if prior.sd else prior
    known, seen = 1 / prior.sd**2, 1 / measured.sd**2
    return Effect((known * prior.mean + seen * measured.mean) / (known + seen), (known + seen) ** -0.5)


def gain_of(gain: Gain, action: Action, keeps: float) -> tuple[float, tuple[float, float]]:
    """What a model of effects says, carried to the action's horizon."""
    without, under = (within(p, gain.horizon_days, action.horizon_days) for p in (gain.without, gain.under))
    reach = gain.reach * (without / gain.without if gain.without else 1.0)
    uplift, low, high = ((without - under + off) * keeps for off in (0.0, -reach, reach))
    return uplift, (max(-1.0, low), min(1.0, high))


def uplift_of(churn: Churn, action: Action, effect: Effect, keeps: float) -> tuple[float, tuple[float, float]]:
    """Fall of the churn probability within the action's horizon: the share it keeps × what would be lost."""
    at_stake = churn_within(churn, action.horizon_days)
    spread = INTERVAL_Z * effect.sd
    shares = (effect.mean, effect.mean - spread, effect.mean + spread)
    mean, low, high = (max(-1.0, min(1.0, share * keeps)) * at_stake for share in shares)
    return mean, (low, high)


def churn_within(churn: Churn, days: int) -> float:
    """Carry the probability to another horizon at a constant hazard: 1 − (1 − p)^(days ÷ the score's own)."""
    return within(churn.probability, churn.horizon_days, days)


def within(probability: float, horizon_days: int, days: int) -> float:
    return float(1.0 - (1.0 - probability) ** (days / horizon_days))


def worthless(context: DecisionContext, value: Value) -> Removal | None:
    low, high = value.value_interval
    told = f"expected value {value.expected_value} ({low} to {high})"
    if context.is_ours and value.uplift_interval[1] < 0:
        return Removal("SLEEPING_DOG", f"{told}: the contact itself would make them likelier to leave")
    if value.expected_value > 0:
        return None
    return Removal("NOT_WORTH_IT", f"{told} is not above 0")
