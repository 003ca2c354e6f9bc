"""Hard rules: who may have an action at all."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given

from app.domain.decisions.context import Action, ActionKind, DecisionContext, Effect
from app.domain.decisions.engine import Arm, decide
from app.domain.decisions.policy import Policy
from app.domain.decisions.trace import Step, TraceEntry, Verdict
from app.domain.interactions import Channel, Direction
from app.domain.subscribers import INVOLUNTARY, Locality, SubscriberStatus
from tests.factories.decisions import AT, action, always, cannot_tell, context, contexts, never

GOLD = Policy(big_spender_tiers=frozenset({"gold"}))


def verdict_on(tried: Action, **others: Any) -> TraceEntry:
    (entry,) = decide(context(tried, **others)).trace
    return entry


def test_an_eligible_action_is_chosen() -> None:
    entry = verdict_on(action(is_eligible=always))
    assert (entry.verdict, entry.code, entry.free_again_at) == (Verdict.KEPT, "CHOSEN", None)


@given(contexts(*sorted(INVOLUNTARY)))
def test_whom_the_operator_cut_off_is_offered_nothing_whatever_the_score(taken: DecisionContext) -> None:
    # A11, A12: no catalogue, score, channel or direction outvotes it.
    verdicts = decide(taken)
    assert verdicts.chosen == ()
    assert verdicts.arm is Arm.NONE
    assert {(entry.step, entry.code) for entry in verdicts.trace} <= {(Step.ELIGIBILITY, "INVOLUNTARY")}


@pytest.mark.parametrize("status", [SubscriberStatus.SUSPENDED, SubscriberStatus.ARREARS])
@pytest.mark.parametrize("direction", Direction)
def test_arrears_and_suspension_are_involuntary_and_said_so(status: SubscriberStatus, direction: Direction) -> None:
    # A11
    entry = verdict_on(action(), status=status, direction=direction)
    assert entry.code == "INVOLUNTARY"
    assert status.value in entry.reason


@given(contexts(SubscriberStatus.CHURNED))
def test_who_has_left_is_offered_nothing(taken: DecisionContext) -> None:
    assert {entry.code for entry in decide(taken).trace} <= {"CHURNED"}


@pytest.mark.parametrize("status", [SubscriberStatus.ACTIVE, SubscriberStatus.UNKNOWN])
def test_an_active_subscriber_and_one_of_unknown_status_may_be_kept(status: SubscriberStatus) -> None:
    assert verdict_on(action(), status=status).verdict is Verdict.KEPT


def test_an_action_is_made_over_its_own_channels_only() -> None:
    over_shop_and_app = action(channels=frozenset({Channel.SHOP, Channel.APP}))
    entry = verdict_on(over_shop_and_app, channel=Channel.CALL)
    assert (entry.step, entry.code) == (Step.ELIGIBILITY, "CHANNEL")
    assert "app, shop" in entry.reason
    assert verdict_on(over_shop_and_app, channel=Channel.APP).verdict is Verdict.KEPT


def test_an_action_begins_at_its_first_instant_and_ends_before_its_last() -> None:
    moment = timedelta(microseconds=1)
    begins_later = verdict_on(action(valid_from=AT + moment))
    assert (begins_later.code, begins_later.free_again_at) == ("NOT_YET_VALID", AT + moment)
    assert verdict_on(action(valid_from=AT)).verdict is Verdict.KEPT
    assert verdict_on(action(valid_to=AT + moment)).verdict is Verdict.KEPT
    ended = verdict_on(action(valid_to=AT))
    assert (ended.code, ended.free_again_at) == ("NO_LONGER_VALID", None)


def test_a_condition_that_does_not_hold_is_given_as_the_reason() -> None:
    entry = verdict_on(action(is_eligible=never, eligibility="score.band == 'high'"))
    assert (entry.step, entry.code) == (Step.ELIGIBILITY, "NOT_ELIGIBLE")
    assert "score.band == 'high'" in entry.reason


def test_a_condition_on_an_unknown_fact_removes_the_action_and_names_the_fact() -> None:
    entry = verdict_on(action(is_eligible=cannot_tell))
    assert (entry.step, entry.code) == (Step.ELIGIBILITY, "FACT_UNKNOWN")
    assert "features.contract" in entry.reason


def test_a_condition_is_asked_about_the_facts_of_this_subscriber() -> None:
    lives_in_the_north = action(is_eligible=lambda facts: facts["subscriber"]["region"] == "north")
    assert verdict_on(lives_in_the_north, facts={"subscriber": {"region": "north"}}).verdict is Verdict.KEPT
    assert verdict_on(lives_in_the_north, facts={"subscriber": {"region": "south"}}).code == "NOT_ELIGIBLE"


def test_the_first_rule_that_fails_is_the_one_that_is_told() -> None:
    # A subscriber who is cut off is told so, not that the channel or a condition was wrong as well.
    wrong_throughout = action(channels=frozenset({Channel.SMS}), is_eligible=never, valid_to=AT)
    assert verdict_on(wrong_throughout, status=SubscriberStatus.ARREARS).code == "INVOLUNTARY"
    assert verdict_on(wrong_throughout).code == "CHANNEL"
    assert verdict_on(wrong_throughout, channel=Channel.SMS).code == "NO_LONGER_VALID"


# ── money is not offered where it cannot help ──


def test_who_costs_more_than_they_bring_is_paid_nothing_to_stay() -> None:
    """Requirement A6."""
    entry = verdict_on(action(), monthly_margin=Decimal("-0.01"))
    assert (entry.step, entry.code) == (Step.ELIGIBILITY, "NEGATIVE_MARGIN")
    assert "-0.01 a month" in entry.reason
    assert verdict_on(action(), monthly_margin=Decimal(0)).code != "NEGATIVE_MARGIN"
    unpaid = action(accept_cost=Decimal(0), monthly_arpu_effect=Decimal(0))
    assert verdict_on(unpaid, monthly_margin=Decimal("-0.01")).code != "NEGATIVE_MARGIN"


def test_a_member_whose_group_pays_a_flat_fee_takes_no_revenue_along() -> None:
    """Requirement A13."""
    assert verdict_on(action(), bill_is_flat=True).code == "GROUP_MEMBER_EXIT"
    assert verdict_on(action(kind=ActionKind.CALL), bill_is_flat=True).verdict is Verdict.KEPT


@pytest.mark.parametrize(("months", "code"), [(2.9, "SHORT_TENURE"), (3.0, "CHOSEN"), (None, "CHOSEN")])
def test_a_paid_offer_waits_for_the_least_tenure_and_an_unknown_one_is_no_reason(
    months: float | None, code: str
) -> None:
    assert verdict_on(action(), policy=Policy(least_tenure_months=3), tenure_months=months).code == code


def test_what_is_broken_is_repaired_before_a_price_is_spoken_of() -> None:
    """Requirement A17."""
    assert verdict_on(action(priced=True), open_faults=1).code == "FAULT_FIRST"
    assert verdict_on(action(kind=ActionKind.CALL, priced=True), open_faults=1).code == "FAULT_FIRST"
    assert verdict_on(action(kind=ActionKind.REPAIR), open_faults=1).verdict is Verdict.KEPT


def test_for_who_spends_much_service_comes_before_price() -> None:
    """Requirement D10."""
    price, service = action("price", priced=True), action("service", kind=ActionKind.VISIT, effect=Effect(0.12, 0.05))
    orders = {
        tier: [best.action.code for best in decide(context(price, service, value_tier=tier, policy=GOLD)).chosen]
        for tier in ("gold", "silver", None)
    }
    assert orders == {"gold": ["service", "price"], "silver": ["price", "service"], None: ["price", "service"]}


def test_who_is_only_passing_through_is_worth_less_effort() -> None:
    """Requirement A14."""
    policy = Policy(floating_keeps=0.5)
    values = [
        decide(context(action(), policy=policy, locality=locality, monthly_margin=Decimal(200))).chosen[0].value
        for locality in (Locality.LOCAL, Locality.FLOATING)
    ]
    assert values[1].uplift == pytest.approx(values[0].uplift / 2)
    assert values[1].expected_value < values[0].expected_value
