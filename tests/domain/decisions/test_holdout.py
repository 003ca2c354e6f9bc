"""Some are left untouched on purpose: always the same ones, as many as was said, and of offers alone."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.decisions.context import ActionKind, DecisionContext
from app.domain.decisions.engine import Arm, decide
from app.domain.decisions.holdout import draw
from app.domain.decisions.policy import Policy
from app.domain.decisions.trace import Step
from tests.factories.decisions import action, context, contexts

TENTH = Policy(holdout_share=0.1)


def test_an_offer_is_withheld_from_who_is_held_out_and_the_arm_says_so() -> None:
    verdicts = decide(context(action(), policy=TENTH, draw=0.0999))
    (entry,) = verdicts.trace
    assert (entry.step, entry.code, verdicts.arm) == (Step.HOLDOUT, "HELD_OUT", Arm.HOLDOUT)
    assert "10.0%" in entry.reason
    assert decide(context(action(), policy=TENTH, draw=0.1)).arm is Arm.TREATMENT


@pytest.mark.parametrize("kind", [kind for kind in ActionKind if kind is not ActionKind.OFFER])
def test_nobodys_repair_waits_for_a_measurement(kind: ActionKind) -> None:
    verdicts = decide(context(action(kind=kind), policy=TENTH, draw=0.0))
    assert (verdicts.arm, len(verdicts.chosen)) == (Arm.TREATMENT, 1)


def test_who_is_held_out_may_have_all_that_is_no_offer() -> None:
    repair = action("repair", kind=ActionKind.REPAIR)
    verdicts = decide(context(action(), repair, policy=TENTH, draw=0.05, limit=1))
    assert [best.action.code for best in verdicts.chosen] == ["repair"]
    assert verdicts.arm is Arm.HOLDOUT


@given(contexts())
def test_who_would_get_no_offer_anyway_is_in_no_arm_of_it(drawn: DecisionContext) -> None:
    without = decide(drawn)
    held = decide(replace(drawn, policy=TENTH, draw=0.0))
    offers = [best for best in without.chosen if best.action.kind is ActionKind.OFFER]
    assert (held.arm is Arm.HOLDOUT) or not offers
    assert all(best.action.kind is not ActionKind.OFFER for best in held.chosen)


@given(st.text(max_size=64), st.text(max_size=64))
def test_a_draw_is_always_the_same_and_between_none_and_all(person: str, name: str) -> None:
    assert 0 <= draw(person, name) < 1
    assert draw(person, name) == draw(person, name)


def test_so_many_are_held_out_as_was_said_and_others_for_another_name() -> None:
    draws = {name: [draw(f"subscriber-{n}", name) < 0.1 for n in range(20_000)] for name in ("one", "two")}
    assert all(abs(sum(held) / 20_000 - 0.1) < 0.01 for held in draws.values())
    both = sum(one and two for one, two in zip(draws["one"], draws["two"], strict=True))
    assert abs(both / 20_000 - 0.01) < 0.004
