"""Decisions to be taken: contexts and catalogued actions, complete but for what a test says."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from hypothesis import strategies as st

from app.domain.decisions.context import (
    Action,
    ActionKind,
    Churn,
    Contact,
    DecisionContext,
    Effect,
    Facts,
    FactUnknown,
    PastOutcome,
)
from app.domain.decisions.policy import Cap
from app.domain.interactions import Channel, Direction
from app.domain.outcomes import OutcomeKind
from app.domain.subscribers import SubscriberStatus

AT = datetime(2026, 11, 3, 9, 30, tzinfo=UTC)
Drawn = TypeVar("Drawn")
REFUSALS = ["all", "marketing", *Channel]


def always(_: Facts) -> bool:
    return True


def never(_: Facts) -> bool:
    return False


def cannot_tell(_: Facts) -> bool:
    raise FactUnknown("features.contract")


_ACTION = Action(
    code="twelve_months",
    name="Twelve months at a discount",
    kind=ActionKind.OFFER,
    channels=frozenset(Channel),
    eligibility="features.contract == 'Month-to-month'",
    is_eligible=always,
    contact_cost=Decimal("6.00"),
    accept_cost=Decimal("10.00"),
    monthly_arpu_effect=Decimal("-3.00"),
    horizon_days=90,
    effect=Effect(mean=0.2, sd=0.05),
    p_accept=0.25,
    caps=(),
    valid_from=None,
    valid_to=None,
    say="With twelve months your price falls by three.",
)
_CONTEXT = DecisionContext(
    at=AT,
    channel=Channel.CALL,
    direction=Direction.OUTBOUND,
    limit=3,
    status=SubscriberStatus.ACTIVE,
    opted_out=frozenset(),
    facts={},
    churn=Churn(probability=0.5, horizon_days=30, reasons=()),
    monthly_margin=Decimal("40.00"),
    open_complaints=0,
    contacts=(),
    catalogue=(),
)


def action(code: str = _ACTION.code, **others: Any) -> Action:
    """Make an action that is worth its price for the subscriber of `context()`."""
    return replace(_ACTION, code=code, **others)


def context(*catalogue: Action, **others: Any) -> DecisionContext:
    """Make an outbound call to an active, likely churner whom nobody has contacted lately."""
    return replace(_CONTEXT, catalogue=catalogue, **others)


def ago(**time: float) -> datetime:
    return AT - timedelta(**time)


def called(**time_ago: float) -> Contact:
    return Contact(Channel.CALL, ago(**time_ago))


def money(most: int) -> st.SearchStrategy[Decimal]:
    """Draw an amount up to `most`, in cents."""
    return st.integers(0, most * 100).map(lambda cents: Decimal(cents) / 100)


def mostly(usual: Drawn, *others: Drawn) -> st.SearchStrategy[Drawn]:
    """Draw the usual value three times out of four, so that most examples get past it."""
    return st.sampled_from([*[usual] * (3 * len(others)), *others])


def usually_known(values: st.SearchStrategy[Drawn]) -> st.SearchStrategy[Drawn | None]:
    return st.integers(0, 9).flatmap(lambda tenths: values if tenths < 9 else st.none())


past = st.integers(0, 40 * 24 * 60).map(lambda minutes: ago(minutes=minutes))
chances = st.integers(0, 1000).map(lambda thousandths: thousandths / 1000)
churns = st.builds(
    Churn,
    probability=st.sampled_from([0.5, 0.1, 0.3, 0.7, 0.9, 1.0, 0.0]),
    horizon_days=st.integers(1, 365),
    reasons=st.just(()),
)
caps = st.builds(Cap, window_days=st.integers(7, 90), max=st.integers(1, 3))
past_outcomes = st.builds(PastOutcome, action=st.just("a"), outcome=st.sampled_from(OutcomeKind), at=past)
contacts = st.builds(Contact, channel=st.sampled_from(Channel), at=past)
drawn_actions = st.builds(
    Action,
    code=st.sampled_from("abcdefghijklmnopqrstuvwxyz"),
    name=st.just("Another"),
    kind=st.sampled_from(ActionKind),
    channels=mostly(frozenset(Channel), frozenset({Channel.CALL, Channel.SHOP}), frozenset({Channel.SMS})),
    eligibility=st.just("a condition"),
    is_eligible=mostly(always, never, cannot_tell),
    contact_cost=money(10),
    accept_cost=money(20),
    monthly_arpu_effect=money(10).map(lambda amount: 5 - amount),
    horizon_days=st.integers(1, 730),
    effect=st.builds(Effect, mean=st.sampled_from([0.3, 0.1, 0.18, 0.5, 1.0, 0.0]), sd=chances),
    p_accept=chances,
    caps=st.lists(caps, max_size=2).map(tuple),
    valid_from=mostly(None, ago(days=1), ago(days=-1)),
    valid_to=mostly(None, ago(days=1), ago(days=-1)),
    say=st.just("Another sentence"),
)


def contexts(*statuses: SubscriberStatus) -> st.SearchStrategy[DecisionContext]:
    """Draw any decision there may be to take, of these statuses if some are given; some facts may be unknown."""
    return st.builds(
        DecisionContext,
        at=st.just(AT),
        channel=st.sampled_from(Channel),
        direction=st.sampled_from(Direction),
        limit=st.integers(1, 4),
        status=st.sampled_from(statuses) if statuses else mostly(SubscriberStatus.ACTIVE, *SubscriberStatus),
        opted_out=mostly(frozenset(), *(frozenset({refused}) for refused in REFUSALS)),
        facts=st.just({}),
        churn=usually_known(churns),
        monthly_margin=usually_known(money(1000).map(lambda amount: amount + 30)),
        open_complaints=mostly(0, 1, 2),
        contacts=st.lists(contacts, max_size=3).map(tuple),
        outcomes=st.lists(past_outcomes, max_size=2).map(tuple),
        catalogue=st.lists(drawn_actions, min_size=1, max_size=4, unique_by=lambda drawn: drawn.code).map(tuple),
    )
