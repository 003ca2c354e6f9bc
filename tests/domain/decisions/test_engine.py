"""The whole decision: one place for every action, the best few chosen, a reason when there is none."""

from collections import Counter
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.decisions.context import Churn, DecisionContext
from app.domain.decisions.engine import Arm, decide
from app.domain.decisions.trace import Step, Verdict
from app.domain.interactions import Direction
from app.domain.subscribers import SubscriberStatus
from tests.factories.decisions import action, called, cannot_tell, context, contexts, never

FIVE = [action(code, p_accept=p) for code, p in zip("edcba", (0.1, 0.3, 0.2, 0.5, 0.4), strict=True)]


@given(contexts())
def test_every_catalogued_action_stands_in_the_trace_exactly_once(drawn: DecisionContext) -> None:
    traced = Counter(entry.action for entry in decide(drawn).trace)
    assert traced == Counter(action.code for action in drawn.catalogue)


@given(contexts())
def test_what_is_kept_is_what_is_chosen_and_what_is_removed_has_a_reason(drawn: DecisionContext) -> None:
    verdicts = decide(drawn)
    kept = [entry for entry in verdicts.trace if entry.verdict is Verdict.KEPT]
    assert [entry.action for entry in kept] == [best.action.code for best in verdicts.chosen]
    assert all(entry.reason and entry.code.isupper() for entry in verdicts.trace)


@given(contexts())
def test_a_reason_for_nothing_is_given_exactly_when_nothing_is_chosen(drawn: DecisionContext) -> None:
    # C17: there is always an action, or a stated reason for none.
    verdicts = decide(drawn)
    assert bool(verdicts.chosen) == (verdicts.none_because is None) == (verdicts.arm is Arm.TREATMENT)
    assert bool(verdicts.chosen) != (verdicts.arm is Arm.NONE)
    assert verdicts.none_because != ""


@given(contexts())
def test_the_best_few_are_chosen_best_first_and_each_is_worth_it(drawn: DecisionContext) -> None:
    chosen = decide(drawn).chosen
    worth = [best.value.expected_value for best in chosen]
    assert worth == sorted(worth, reverse=True)
    assert all(value > 0 for value in worth)
    assert [best.rank for best in chosen] == list(range(1, len(chosen) + 1))
    assert len(chosen) <= drawn.limit


@given(contexts(), st.randoms(use_true_random=False))
def test_the_order_of_the_catalogue_changes_nothing(drawn: DecisionContext, chance: Random) -> None:
    # J12: the same subscriber gets the same answer everywhere.
    shuffled = list(drawn.catalogue)
    chance.shuffle(shuffled)
    one, other = decide(drawn), decide(replace(drawn, catalogue=tuple(shuffled)))
    assert one.chosen == other.chosen
    assert one.arm == other.arm
    assert set(one.trace) == set(other.trace)


@given(contexts())
def test_the_same_context_is_decided_the_same_way_again(drawn: DecisionContext) -> None:
    # C19: a decision can be replayed.
    assert decide(drawn) == decide(drawn)


@given(contexts())
def test_a_larger_limit_only_adds_to_the_end(drawn: DecisionContext) -> None:
    fewer, more = decide(drawn).chosen, decide(replace(drawn, limit=drawn.limit + 1)).chosen
    assert more[: len(fewer)] == fewer


def test_beyond_the_limit_the_next_best_are_named_with_their_rank() -> None:
    verdicts = decide(context(*FIVE, limit=2))
    assert [best.action.code for best in verdicts.chosen] == ["e", "c"]
    beyond = [entry for entry in verdicts.trace if entry.code == "BEYOND_LIMIT"]
    assert [(entry.step, entry.action) for entry in beyond] == [(Step.LIMIT, code) for code in "dab"]
    assert "ranks 3" in beyond[0].reason


def test_equal_worth_is_ranked_by_code() -> None:
    verdicts = decide(context(action("b"), action("c"), action("a")))
    assert [best.action.code for best in verdicts.chosen] == ["a", "b", "c"]


def test_an_empty_catalogue_gives_nothing_and_says_why() -> None:
    verdicts = decide(context())
    assert (verdicts.chosen, verdicts.trace, verdicts.arm) == ((), (), Arm.NONE)
    assert verdicts.none_because == "the catalogue holds no action"


def test_when_all_fail_alike_that_is_the_reason_for_none() -> None:
    verdicts = decide(context(*FIVE, status=SubscriberStatus.ARREARS))
    assert verdicts.none_because == "the subscriber's status is arrears: nothing is offered"


def test_when_they_fail_differently_the_commonest_reason_is_given_with_its_share() -> None:
    verdicts = decide(context(action("a", is_eligible=never), *FIVE[:3], action("z", is_eligible=never), churn=None))
    assert verdicts.none_because is not None
    assert "the churn risk is unknown" in verdicts.none_because
    assert "3 of 5" in verdicts.none_because


@pytest.mark.parametrize("direction", Direction)
def test_an_action_is_removed_by_the_first_gate_it_fails(direction: Direction) -> None:
    hopeless = context(
        action("a", is_eligible=cannot_tell), action("b"), direction=direction, open_complaints=1, churn=None
    )
    assert [(entry.action, entry.step) for entry in decide(hopeless).trace] == [
        ("a", Step.ELIGIBILITY),
        ("b", Step.CONTACT_POLICY),
    ]


def test_nobody_is_contacted_about_a_risk_that_is_not_there() -> None:
    no_risk = Churn(probability=0.0, horizon_days=30, reasons=())
    verdicts = decide(context(action(), churn=no_risk, contacts=(called(days=1),)))
    assert [entry.code for entry in verdicts.trace] == ["NOT_WORTH_IT"]
