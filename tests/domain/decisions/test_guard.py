"""Nobody costs more than they are worth, the base keeps its revenue, and nothing is given that is not left."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.decisions.context import Action, ActionKind, Base, DecisionContext, Ledger
from app.domain.decisions.engine import decide
from app.domain.decisions.guard import cost_of, giveaway_of, spending_of
from app.domain.decisions.policy import Policy
from app.domain.decisions.trace import Step, TraceEntry
from tests.factories.decisions import action, context, contexts, money

BASE = Base(subscribers=100, monthly_revenue=Decimal("5000.00"))


def ledger(**others: Any) -> Ledger:
    return replace(Ledger({}, Decimal(0), Decimal(0), BASE), **others)


def entry_of(tried: Action, **others: Any) -> TraceEntry:
    (entry,) = decide(context(tried, **others)).trace
    return entry


# ── the spend cap of a person (J13) ──


def test_a_person_may_cost_a_share_of_their_lifetime_value() -> None:
    # 40.00 a month for 12 months is 480.00, and a tenth of it is 48.00; an acceptance costs 10.00 + 3 × 3.00.
    policy = Policy(spend_cap_share=Decimal("0.10"))
    assert entry_of(action(), policy=policy, spent=Decimal("29.00")).code == "CHOSEN"
    entry = entry_of(action(), policy=policy, spent=Decimal("29.01"))
    assert (entry.step, entry.code) == (Step.GUARD, "SPEND_CAP")
    assert "19.00 on top of 29.01 is more than 48.00" in entry.reason


@pytest.mark.parametrize(("months", "code"), [(11.0, "SPEND_CAP"), (12.0, "SPEND_CAP"), (13.0, "CHOSEN")])
def test_who_has_stood_a_year_is_worth_twice_as_much(months: float, code: str) -> None:
    """Requirement A9."""
    policy = Policy(spend_cap_share=Decimal("0.10"))
    assert entry_of(action(), policy=policy, spent=Decimal("60.00"), tenure_months=months).code == code


@given(contexts(), money(30), st.integers(0, 100))
def test_what_is_chosen_never_exceeds_the_cap_of_a_person(drawn: DecisionContext, spent: Decimal, share: int) -> None:
    policy = Policy(spend_cap_share=Decimal(share) / 1000)
    taken = replace(drawn, policy=policy, spent=spent)
    spending = sum((spending_of(best.value) for best in decide(taken).chosen), Decimal(0))
    if spending and drawn.monthly_margin is not None:
        assert spent + spending <= policy.spend_cap_share * drawn.monthly_margin * 24  # type: ignore[operator]


# ── the revenue of all (J14) ──


def test_an_offer_that_would_pull_the_base_below_the_floor_is_refused() -> None:
    # A quarter of those asked take 3.00 off: 0.75 a month; the base may lose 50.00.
    policy = Policy(arpu_floor_share=Decimal("0.99"))
    assert entry_of(action(), policy=policy, ledger=ledger(given_away=Decimal("49.25"))).code == "CHOSEN"
    entry = entry_of(action(), policy=policy, ledger=ledger(given_away=Decimal("49.26")))
    assert (entry.step, entry.code) == (Step.GUARD, "ARPU_GUARD")
    assert "below the floor of 49.5000" in entry.reason


def test_what_gives_no_revenue_away_is_not_guarded() -> None:
    policy = Policy(arpu_floor_share=Decimal(1))
    free = action(monthly_arpu_effect=Decimal(0))
    assert entry_of(free, policy=policy, ledger=ledger(given_away=Decimal(900))).code == "CHOSEN"


def test_a_base_nobody_measured_is_not_guarded() -> None:
    assert entry_of(action(), policy=Policy(arpu_floor_share=Decimal(1)), ledger=ledger(base=None)).code == "CHOSEN"


@given(st.lists(contexts(), min_size=1, max_size=30), st.integers(900, 1000))
def test_decision_after_decision_the_base_stays_above_its_floor(people: list[DecisionContext], share: int) -> None:
    """Requirement J14: twins, one with the guard and one without."""
    floor = Decimal(share) / 1000
    guarded, _ = (give_away(people, Policy(arpu_floor_share=kept)) for kept in (floor, None))
    assert (BASE.monthly_revenue - guarded) / BASE.subscribers >= floor * BASE.monthly_revenue / BASE.subscribers


def test_without_the_guard_the_base_falls_below_the_floor_and_with_it_it_does_not() -> None:
    """Requirement J14."""
    people = [context(action())] * 200
    floor = Decimal("0.98") * BASE.monthly_revenue
    guarded, unguarded = (give_away(people, Policy(arpu_floor_share=share)) for share in (Decimal("0.98"), None))
    assert BASE.monthly_revenue - unguarded < floor <= BASE.monthly_revenue - guarded
    assert guarded > 0


def give_away(people: list[DecisionContext], policy: Policy) -> Decimal:
    """Decide about one after another; returns the revenue a month that is expected to be given away."""
    given_away = Decimal(0)
    for person in people:
        verdicts = decide(replace(person, policy=policy, ledger=ledger(given_away=given_away)))
        given_away += sum((giveaway_of(best.action, best.value) for best in verdicts.chosen), Decimal(0))
    return given_away


# ── capacity and money of a day ──


def test_a_full_day_is_full_and_says_so() -> None:
    visit = action(kind=ActionKind.VISIT, capacity_per_day=5)
    assert entry_of(visit, ledger=ledger(used={visit.code: 4})).code == "CHOSEN"
    entry = entry_of(visit, ledger=ledger(used={visit.code: 5}))
    assert (entry.step, entry.code, entry.reason) == (Step.LIMIT, "CAPACITY", "5 of 5 a day are taken")


def test_what_never_happens_has_no_capacity() -> None:
    assert entry_of(action(capacity_per_day=0)).code == "CAPACITY"


def test_the_days_money_is_not_exceeded() -> None:
    # 6.00 to ask, and a quarter of 10.00.
    policy = Policy(daily_budget=Decimal("100.00"))
    assert entry_of(action(), policy=policy, ledger=ledger(spent_today=Decimal("91.50"))).code == "CHOSEN"
    entry = entry_of(action(), policy=policy, ledger=ledger(spent_today=Decimal("91.51")))
    assert (entry.step, entry.code) == (Step.LIMIT, "BUDGET")
    assert "8.50 on top of 91.51 is more than the day's 100.00" in entry.reason


@given(contexts(), money(40), money(40))
def test_all_that_one_decision_chooses_fits_into_the_day(
    drawn: DecisionContext, budget: Decimal, spent: Decimal
) -> None:
    taken = replace(drawn, policy=Policy(daily_budget=budget), ledger=ledger(spent_today=spent))
    cost = sum((cost_of(best.value) for best in decide(taken).chosen), Decimal(0))
    assert cost == 0 or spent + cost <= budget


def test_what_cannot_be_had_makes_room_for_the_next_best() -> None:
    dear = action("dear", contact_cost=Decimal("1.00"), capacity_per_day=0)
    verdicts = decide(context(dear, action("next"), limit=1))
    assert [best.action.code for best in verdicts.chosen] == ["next"]
