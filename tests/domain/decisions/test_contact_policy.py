"""What we start is bound by opt-outs and caps; what the subscriber starts is not; no sale over a complaint."""

from dataclasses import replace
from datetime import time, timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.domain.decisions.context import Action, ActionKind, Contact, DecisionContext, HeldClaim, PastOutcome
from app.domain.decisions.engine import decide
from app.domain.decisions.policy import Cap, Policy, QuietHours
from app.domain.decisions.rights import Made, Right, pending
from app.domain.decisions.trace import Step, TraceEntry, Verdict
from app.domain.interactions import Channel, Direction
from app.domain.outcomes import OutcomeKind
from tests.factories.decisions import AT, REFUSALS, action, ago, called, caps, contacts, context, contexts

MOMENT = timedelta(microseconds=1)
WEEKLY = Cap(window_days=7, max=1)
NOT_OFFERS = [kind for kind in ActionKind if kind is not ActionKind.OFFER]


def verdict_on(tried: Action, **others: Any) -> TraceEntry:
    (entry,) = decide(context(tried, **others)).trace
    return entry


def accepted(code: str) -> PastOutcome:
    return PastOutcome(code, OutcomeKind.ACCEPTED, ago(days=3))


def is_capped(entry: TraceEntry) -> bool:
    return (entry.step, entry.code) == (Step.CONTACT_POLICY, "CONTACT_CAP")


# ── caps ──


def test_a_reached_cap_removes_the_action_and_says_when_it_is_free_again() -> None:
    entry = verdict_on(action(caps=(WEEKLY,)), contacts=(called(days=3),))
    assert is_capped(entry)
    assert entry.free_again_at == AT + timedelta(days=4)
    assert "1 of 1 call contact(s) in 7 days" in entry.reason


def test_a_cap_that_is_not_reached_removes_nothing() -> None:
    twice_a_week = action(caps=(Cap(window_days=7, max=2),))
    assert verdict_on(twice_a_week, contacts=(called(days=3),)).verdict is Verdict.KEPT
    assert is_capped(verdict_on(twice_a_week, contacts=(called(days=3), called(days=2))))


def test_a_cap_is_reached_until_one_instant_before_it_is_free_and_free_at_that_instant() -> None:
    contact = called(days=3)
    once_a_week = context(action(caps=(WEEKLY,)), contacts=(contact,))
    free_again = contact.at + timedelta(days=7)
    (before,) = decide(replace(once_a_week, at=free_again - MOMENT)).trace
    (then,) = decide(replace(once_a_week, at=free_again)).trace
    assert is_capped(before)
    assert before.free_again_at == free_again
    assert then.verdict is Verdict.KEPT


def test_of_several_caps_the_one_that_is_free_last_counts() -> None:
    weekly_and_quarterly = action(caps=(WEEKLY, Cap(window_days=90, max=3)))
    entry = verdict_on(weekly_and_quarterly, contacts=(called(days=80), called(days=40), called(days=2)))
    assert entry.free_again_at == AT + timedelta(days=10)
    entry = verdict_on(weekly_and_quarterly, contacts=(called(days=88), called(days=40), called(days=2)))
    assert entry.free_again_at == AT + timedelta(days=5)


@given(st.lists(caps, min_size=1, max_size=3), st.lists(contacts, min_size=3, max_size=8))
def test_an_action_becomes_free_exactly_when_its_removal_says(limits: list[Cap], earlier: list[Contact]) -> None:
    # K3: whatever the caps and whenever we called before.
    taken = context(action(caps=tuple(limits)), contacts=tuple(earlier))
    (entry,) = decide(taken).trace
    assume(is_capped(entry))
    assert entry.free_again_at is not None
    assert entry.free_again_at > taken.at
    (just_before,) = decide(replace(taken, at=entry.free_again_at - MOMENT)).trace
    (then,) = decide(replace(taken, at=entry.free_again_at)).trace
    assert is_capped(just_before)
    assert not is_capped(then)


def test_an_accepted_action_uses_its_own_cap() -> None:
    entry = verdict_on(action("a", caps=(WEEKLY,)), outcomes=(accepted("a"),))
    assert is_capped(entry)
    assert entry.free_again_at == AT + timedelta(days=4)
    assert verdict_on(action("a", caps=(WEEKLY,)), outcomes=(accepted("b"),)).verdict is Verdict.KEPT


def test_a_contact_over_another_channel_does_not_use_the_cap() -> None:
    assert verdict_on(action(caps=(WEEKLY,)), contacts=(Contact(Channel.SMS, ago(days=3)),)).verdict is Verdict.KEPT


def test_a_contact_by_a_clock_that_runs_ahead_uses_the_cap_all_the_same() -> None:
    assert is_capped(verdict_on(action(caps=(WEEKLY,)), contacts=(called(minutes=-1),)))


def test_an_offer_accepted_on_the_day_of_its_call_is_one_contact() -> None:
    twice = action("a", caps=(Cap(window_days=7, max=2),))
    same_day = {"contacts": (called(days=3),), "outcomes": (accepted("a"),)}
    assert verdict_on(twice, **same_day).code == "ALREADY_ACCEPTED"
    once = action("a", caps=(WEEKLY,))
    assert is_capped(verdict_on(once, **same_day))


@given(contexts())
def test_nothing_is_capped_or_refused_contact_when_the_subscriber_came_to_us(drawn: DecisionContext) -> None:
    # K5: an answer to somebody who called is no contact of ours.
    trace = decide(replace(drawn, direction=Direction.INBOUND)).trace
    assert {entry.code for entry in trace}.isdisjoint({"CONTACT_CAP", "OPTED_OUT"})


# ── opt-outs ──


@pytest.mark.parametrize("refused", ["all", "marketing", "call"])
def test_a_refused_contact_is_not_started_but_its_subscriber_is_answered(refused: str) -> None:
    entry = verdict_on(action(), opted_out=frozenset({refused}))
    assert (entry.step, entry.code) == (Step.CONTACT_POLICY, "OPTED_OUT")
    assert refused in entry.reason
    answered = verdict_on(action(), opted_out=frozenset({refused}), direction=Direction.INBOUND)
    assert answered.verdict is Verdict.KEPT


def test_refusing_one_channel_leaves_the_others_open() -> None:
    assert verdict_on(action(), opted_out=frozenset({"sms", "app"})).verdict is Verdict.KEPT


@pytest.mark.parametrize("kind", NOT_OFFERS)
def test_refusing_marketing_stops_offers_and_nothing_else(kind: ActionKind) -> None:
    assert verdict_on(action(kind=kind), opted_out=frozenset({"marketing"})).verdict is Verdict.KEPT


@given(contexts(), st.sampled_from(REFUSALS))
def test_refusing_more_never_brings_an_action_in(drawn: DecisionContext, refused: str) -> None:
    everything = replace(drawn, limit=len(drawn.catalogue) + 1)
    more_refused = replace(everything, opted_out=everything.opted_out | {refused})
    before = {best.action.code for best in decide(everything).chosen}
    assert {best.action.code for best in decide(more_refused).chosen} <= before


# ── an open complaint ──


@pytest.mark.parametrize("direction", Direction)
def test_there_is_no_offer_while_a_complaint_is_open_whoever_called_whom(direction: Direction) -> None:
    # J9, K6
    entry = verdict_on(action(), open_complaints=2, direction=direction)
    assert (entry.step, entry.code) == (Step.CONTACT_POLICY, "COMPLAINT_OPEN")
    assert "2 complaint(s) open" in entry.reason


@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize("kind", NOT_OFFERS)
def test_a_repair_an_apology_and_whatever_else_is_no_offer_may_follow_a_complaint(
    kind: ActionKind, direction: Direction
) -> None:
    # A17: the fault is repaired before anything is sold.
    assert verdict_on(action(kind=kind), open_complaints=1, direction=direction).verdict is Verdict.KEPT


@given(contexts())
def test_what_is_chosen_over_an_open_complaint_is_never_an_offer(drawn: DecisionContext) -> None:
    # J9, K6
    chosen = decide(replace(drawn, open_complaints=max(drawn.open_complaints, 1))).chosen
    assert all(best.action.kind is not ActionKind.OFFER for best in chosen)


# ── whose contact it is ──


def test_somebody_elses_claim_stands_before_a_contact_of_ours_and_ones_own_does_not() -> None:
    """Requirement I10."""
    claim = HeldClaim("anna", "retention", AT + timedelta(minutes=5))
    entry = verdict_on(action(), claims=(claim,), owner="ben")
    assert (entry.code, entry.free_again_at) == ("ALREADY_CLAIMED", claim.until)
    assert "anna holds the right to contact for retention" in entry.reason
    assert verdict_on(action(), claims=(claim,), owner="anna").verdict is Verdict.KEPT
    assert verdict_on(action(), claims=(claim,)).code == "ALREADY_CLAIMED"
    assert verdict_on(action(), claims=(claim,), owner="ben", direction=Direction.INBOUND).verdict is Verdict.KEPT


def test_the_one_who_keeps_the_relationship_is_its_only_outgoing_voice() -> None:
    """Requirement K9."""
    assert verdict_on(action(), owner="ben", keeper="anna").code == "ANOTHER_KEEPER"
    assert verdict_on(action(), owner="anna", keeper="anna").verdict is Verdict.KEPT
    assert verdict_on(action(), keeper="anna").verdict is Verdict.KEPT
    assert verdict_on(action(), owner="ben", keeper="anna", direction=Direction.INBOUND).verdict is Verdict.KEPT


def test_whom_nothing_on_file_reaches_is_not_called() -> None:
    """Requirement A7."""
    assert verdict_on(action(), reachable=False).code == "UNREACHABLE"
    assert verdict_on(action(), reachable=False, direction=Direction.INBOUND).verdict is Verdict.KEPT


def test_a_right_that_another_was_just_given_uses_the_cap() -> None:
    assert is_capped(verdict_on(action(caps=(WEEKLY,)), pending=(called(minutes=2),)))
    by_sms = Contact(Channel.SMS, ago(minutes=2))
    assert verdict_on(action(caps=(WEEKLY,)), pending=(by_sms,)).verdict is Verdict.KEPT


def test_a_right_is_used_by_a_contact_of_whom_it_was_given_to() -> None:
    right = Right(Channel.CALL, ago(minutes=5), "anna", is_own=False)
    later = {name: Made(Channel.CALL, ago(minutes=4), name) for name in ("anna", "ben")}
    assert pending([right], []) == (Contact(Channel.CALL, right.at),)
    assert pending([right], [later["anna"]]) == ()
    assert len(pending([right], [later["ben"]])) == 1
    assert len(pending([right], [Made(Channel.SMS, ago(minutes=4), "anna")])) == 1
    assert len(pending([right], [Made(Channel.CALL, ago(minutes=6), "anna")])) == 1


def test_ones_own_right_is_replaced_and_used_first() -> None:
    own = Right(Channel.CALL, ago(minutes=3), "desk", is_own=True)
    of_another_owner = Right(Channel.CALL, ago(minutes=5), "desk", is_own=False)
    assert pending([own], []) == ()
    contact = Made(Channel.CALL, ago(minutes=1), "desk")
    assert pending([own, of_another_owner], [contact]) == (Contact(Channel.CALL, of_another_owner.at),)


# ── when ──


@pytest.mark.parametrize(
    ("zone", "code", "free_hours"),
    [
        ("Etc/GMT-14", "QUIET_HOURS", 8.5),  # 23:30 there, and quiet until 08:00
        ("Etc/GMT+4", "QUIET_HOURS", 2.5),  # 05:30
        ("Etc/GMT+2", "QUIET_HOURS", 0.5),  # 07:30
        ("Etc/GMT+1", "CHOSEN", None),  # 08:30
        ("Etc/GMT-11", "CHOSEN", None),  # 20:30
        (None, "CHOSEN", None),
    ],
)
def test_nobody_is_disturbed_at_night_by_their_own_clock(zone: str | None, code: str, free_hours: float | None) -> None:
    policy = Policy(quiet_hours=QuietHours(time(21), time(8)))
    entry = verdict_on(action(), policy=policy, timezone=zone)
    assert entry.code == code
    assert entry.free_again_at == (AT + timedelta(hours=free_hours) if free_hours else None)
    assert verdict_on(action(), policy=policy, timezone=zone, direction=Direction.INBOUND).verdict is Verdict.KEPT


def test_quiet_hours_within_a_day_end_on_that_day() -> None:
    entry = verdict_on(action(), policy=Policy(quiet_hours=QuietHours(time(9), time(12))), timezone="UTC")
    assert entry.free_again_at == AT.replace(hour=12, minute=0)


def test_a_cap_of_the_channel_counts_whatever_the_action() -> None:
    policy = Policy(channel_caps={Channel.CALL: (WEEKLY,)})
    assert is_capped(verdict_on(action(), policy=policy, contacts=(called(days=3),)))
    sms = Policy(channel_caps={Channel.SMS: (WEEKLY,)})
    assert verdict_on(action(), policy=sms, contacts=(called(days=3),)).verdict is Verdict.KEPT


# ── what was said before ──


@pytest.mark.parametrize("direction", Direction)
def test_each_no_is_waited_out_longer_and_the_last_for_ever(direction: Direction) -> None:
    policy = Policy(cool_down_days=(30, 90, None))

    def after(*days: int) -> TraceEntry:
        noes = tuple(PastOutcome("a", OutcomeKind.DECLINED, ago(days=each)) for each in days)
        return verdict_on(action("a"), policy=policy, outcomes=noes, direction=direction)

    assert (after(29).code, after(29).free_again_at) == ("COOL_DOWN", AT + timedelta(days=1))
    assert after(30).verdict is Verdict.KEPT
    assert (after(200, 89).code, after(200, 90).code) == ("COOL_DOWN", "CHOSEN")
    assert (after(900, 800, 700).code, after(900, 800, 700).free_again_at) == ("COOL_DOWN", None)
    assert "declined 3 time(s)" in after(900, 800, 700).reason


def test_a_no_to_one_thing_is_no_no_to_another() -> None:
    no = PastOutcome("b", OutcomeKind.DECLINED, ago(days=1))
    assert verdict_on(action("a"), policy=Policy(cool_down_days=(None,)), outcomes=(no,)).verdict is Verdict.KEPT


@pytest.mark.parametrize("direction", Direction)
def test_nothing_is_sold_to_the_upset(direction: Direction) -> None:
    """Requirement K6."""
    entry = verdict_on(action(), upset_at=ago(days=6), direction=direction)
    assert (entry.code, entry.free_again_at) == ("UPSET", AT + timedelta(days=1))
    assert verdict_on(action(), upset_at=ago(days=7), direction=direction).verdict is Verdict.KEPT
    apology = action(kind=ActionKind.APOLOGY)
    assert verdict_on(apology, upset_at=ago(days=1), direction=direction).verdict is Verdict.KEPT


@pytest.mark.parametrize("direction", Direction)
def test_what_was_accepted_is_not_offered_again_while_it_lasts(direction: Direction) -> None:
    lasting = action("a", horizon_days=4)
    taken: dict[str, Any] = {"outcomes": (accepted("a"),), "direction": direction}
    assert verdict_on(lasting, **taken).code == "ALREADY_ACCEPTED"
    assert verdict_on(action("a", horizon_days=3), **taken).code != "ALREADY_ACCEPTED"


def test_what_was_accepted_and_is_no_sale_rests_while_it_is_under_way() -> None:
    visit = action("a", kind=ActionKind.VISIT, horizon_days=90)
    taken: dict[str, Any] = {"outcomes": (accepted("a"),), "direction": Direction.INBOUND}
    days = 4  # it was accepted three days ago
    assert verdict_on(visit, policy=Policy(accepted_rest_days=days), **taken).code == "ALREADY_ACCEPTED"
    assert verdict_on(visit, policy=Policy(accepted_rest_days=days - 1), **taken).verdict is Verdict.KEPT
    assert verdict_on(visit, **taken).verdict is Verdict.KEPT
