"""What an action is worth: uplift × margin − contact cost − p_accept × (accept cost + dilution)."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.decisions.context import Action, Churn, DecisionContext, Effect, Gain, Learned, PastOutcome
from app.domain.decisions.engine import decide
from app.domain.decisions.trace import Step
from app.domain.decisions.value import UpliftSource, Value, churn_within, updated
from app.domain.interactions import Direction
from app.domain.outcomes import OutcomeKind
from tests.factories.decisions import action, ago, chances, churns, context, contexts

CENT = Decimal("0.01")
days = st.integers(1, 1000)


def value_of(tried: Action, **others: Any) -> Value:
    (best,) = decide(context(tried, **others)).chosen
    return best.value


def test_the_published_example_comes_out_to_the_cent() -> None:
    # .112 × 846.00 − 6.00 − .4 × (20.00 + 12.50) = 75.752
    value = value_of(
        action(
            contact_cost=Decimal("6.00"),
            accept_cost=Decimal("20.00"),
            monthly_arpu_effect=Decimal("-4.1667"),
            horizon_days=90,
            effect=Effect(mean=0.224, sd=0.05),
            p_accept=0.4,
        ),
        churn=Churn(probability=0.5, horizon_days=90, reasons=()),
        monthly_margin=Decimal("282.00"),
    )
    assert value.uplift_interval == pytest.approx((0.063, 0.161))
    assert value == Value(
        uplift=0.112,
        uplift_interval=value.uplift_interval,
        uplift_source=UpliftSource.PRIOR,
        horizon_days=90,
        retained_margin=Decimal("846.00"),
        contact_cost=Decimal("6.00"),
        accept_cost=Decimal("20.00"),
        dilution=Decimal("12.50"),
        p_accept=0.4,
        expected_value=Decimal("75.75"),
        value_interval=(Decimal("34.30"), Decimal("117.21")),
    )


@given(contexts())
def test_an_expected_value_is_the_formula_of_the_figures_beside_it(drawn: DecisionContext) -> None:
    # A5: whoever checks an answer with a pocket calculator gets the same cent.
    for best in decide(drawn).chosen:
        value = best.value
        accepted = Decimal(str(value.p_accept)) * (value.accept_cost + value.dilution)
        expected = Decimal(str(value.uplift)) * value.retained_margin - value.contact_cost - accepted
        assert value.expected_value == expected.quantize(CENT)


@given(contexts())
def test_the_figures_follow_from_the_subscriber_and_the_action(drawn: DecisionContext) -> None:
    of_whom_nothing_was_heard = replace(drawn, outcomes=())
    for best in decide(of_whom_nothing_was_heard).chosen:
        tried, value, churn, margin = best.action, best.value, drawn.churn, drawn.monthly_margin
        assert churn is not None
        assert margin is not None
        months = tried.horizon_days / 30
        at_stake = 1 - (1 - churn.probability) ** (tried.horizon_days / churn.horizon_days)
        assert value.uplift == pytest.approx(tried.effect.mean * at_stake, abs=1e-12)
        assert float(value.retained_margin) == pytest.approx(float(margin) * months, abs=0.005001)
        assert float(value.dilution) == pytest.approx(max(-float(tried.monthly_arpu_effect), 0) * months, abs=0.005001)
        assert (value.contact_cost, value.accept_cost) == (tried.contact_cost, tried.accept_cost)
        assert (value.p_accept, value.horizon_days) == (tried.p_accept, tried.horizon_days)


@given(contexts())
def test_an_interval_holds_its_uplift_and_stays_within_what_is_at_stake(drawn: DecisionContext) -> None:
    for best in decide(drawn).chosen:
        low, high = best.value.uplift_interval
        assert -1 <= low <= best.value.uplift <= high <= 1


def test_without_a_score_nothing_can_be_weighed() -> None:
    (entry,) = decide(context(action(), churn=None)).trace
    assert (entry.step, entry.code) == (Step.VALUE, "RISK_UNKNOWN")


def test_without_a_known_margin_nothing_can_be_weighed() -> None:
    (entry,) = decide(context(action(), monthly_margin=None)).trace
    assert (entry.step, entry.code) == (Step.VALUE, "MARGIN_UNKNOWN")


@pytest.mark.parametrize(
    ("contact_cost", "code"), [("14.99", "CHOSEN"), ("15.00", "NOT_WORTH_IT"), ("15.01", "NOT_WORTH_IT")]
)
def test_an_action_must_gain_more_than_it_costs(contact_cost: str, code: str) -> None:
    # Who leaves for certain has the whole margin of 30.00 at stake, and half of it is kept.
    worth = action(
        effect=Effect(0.5, 0.1),
        horizon_days=30,
        contact_cost=Decimal(contact_cost),
        accept_cost=Decimal(0),
        monthly_arpu_effect=Decimal(0),
    )
    (entry,) = decide(context(worth, churn=Churn(1.0, 30, ()), monthly_margin=Decimal("30.00"))).trace
    assert entry.code == code
    assert str(Decimal("15.00") - Decimal(contact_cost)) in entry.reason


def test_a_rise_of_the_bill_dilutes_nothing() -> None:
    assert value_of(action(monthly_arpu_effect=Decimal("5.00"))).dilution == 0


def test_the_margin_alone_can_turn_the_order() -> None:
    # A5: a dear action that keeps more is the better one only for whom there is more to keep.
    dear = action("dear", contact_cost=Decimal("20.00"), effect=Effect(0.4, 0.1))
    cheap = action("cheap", contact_cost=Decimal("1.00"), effect=Effect(0.2, 0.1))
    orders = {
        margin: [best.action.code for best in decide(context(dear, cheap, monthly_margin=Decimal(margin))).chosen]
        for margin in (30, 200)
    }
    assert orders == {30: ["cheap", "dear"], 200: ["dear", "cheap"]}


def test_no_margin_is_too_large_to_be_weighed() -> None:
    # A feature may be as large as a 32-bit float, and a revenue without a stated range is a feature.
    assert value_of(action(), monthly_margin=Decimal("3e38")).expected_value > 0


# ── carrying a probability to another horizon ──


@given(chances, days)
def test_a_probability_carried_to_its_own_horizon_is_itself(probability: float, horizon: int) -> None:
    assert churn_within(Churn(probability, horizon, ()), horizon) == pytest.approx(probability, abs=1e-12)


@given(churns, days, days)
def test_more_days_never_hold_less_churn(churn: Churn, some: int, others: int) -> None:
    fewer, more = sorted([some, others])
    assert 0 <= churn_within(churn, fewer) <= churn_within(churn, more) <= 1


def test_two_months_of_one_half_are_three_quarters() -> None:
    assert churn_within(Churn(0.5, 30, ()), 60) == pytest.approx(0.75)
    assert churn_within(Churn(0.75, 60, ()), 30) == pytest.approx(0.5)


# ── what the person said before ──


def told(outcome: OutcomeKind, **time: float) -> PastOutcome:
    return PastOutcome("twelve_months", outcome, ago(**time))


def test_who_said_later_is_ready_again_little_by_little() -> None:
    fresh = value_of(action()).uplift
    halves = [
        value_of(action(contact_cost=Decimal(0)), outcomes=(told(OutcomeKind.LATER, days=days),)).uplift / fresh
        for days in (7, 14, 700)
    ]
    assert halves == pytest.approx([0.5, 0.75, 1.0])
    (entry,) = decide(context(action(), outcomes=(told(OutcomeKind.LATER, seconds=0),))).trace
    assert entry.code == "NOT_WORTH_IT"


def test_a_yes_makes_its_like_likelier_and_a_no_less_likely() -> None:
    like = action("like_it", p_accept=0.25)
    known = {kind: (told(kind, days=200),) for kind in (OutcomeKind.ACCEPTED, OutcomeKind.DECLINED)}
    chances_of = {
        kind: next(
            best.value.p_accept
            for best in decide(context(like, action(), outcomes=past)).chosen
            if best.action.code == "like_it"
        )
        for kind, past in known.items()
    }
    assert chances_of[OutcomeKind.ACCEPTED] == pytest.approx(3.5 / 11)
    assert chances_of[OutcomeKind.DECLINED] == pytest.approx(2.5 / 11)


def test_a_contact_that_only_wakes_them_is_not_made() -> None:
    waking = action(effect=Effect(-0.2, 0.05))
    (entry,) = decide(context(waking)).trace
    assert (entry.step, entry.code) == (Step.VALUE, "SLEEPING_DOG")
    (answered,) = decide(context(waking, direction=Direction.INBOUND)).trace
    assert answered.code == "NOT_WORTH_IT"


@given(contexts())
def test_the_interval_of_a_value_holds_it(drawn: DecisionContext) -> None:
    for best in decide(drawn).chosen:
        low, high = best.value.value_interval
        assert low <= best.value.expected_value <= high


def test_a_belief_moves_to_what_is_measured_by_its_precision() -> None:
    """Requirement C16: the catalogue's prior, updated by outcomes (a normal posterior)."""
    met = updated(Effect(0.2, 0.1), Effect(0.0, 0.1))
    assert (met.mean, met.sd) == pytest.approx((0.1, 0.1 / 2**0.5))
    assert updated(Effect(0.2, 0.001), Effect(0.0, 1.0)).mean == pytest.approx(0.2, abs=0.001)
    assert updated(Effect(0.2, 0.0), Effect(0.0, 0.1)) == Effect(0.2, 0.0)


def test_a_learned_gain_is_carried_to_the_actions_horizon() -> None:
    gain = Gain(without=0.4, under=0.1, reach=0.05, horizon_days=90, reasons=())
    learned = {"twelve_months": Learned(Effect(0.0, 1.0), gain, ())}
    value = value_of(action(horizon_days=90), learned=learned)
    longer = value_of(action(horizon_days=180), learned=learned)
    assert value.uplift == pytest.approx(0.3)
    assert value.uplift_interval == pytest.approx((0.25, 0.35))
    assert longer.uplift == pytest.approx(1 - 0.6**2 - (1 - 0.9**2))
    assert {value.uplift_source, longer.uplift_source} == {UpliftSource.LEARNED}
