"""What a person is, beyond their business with us, changes nothing (requirement G14)."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from app.domain.decisions.context import DecisionContext
from app.domain.decisions.engine import decide
from app.domain.decisions.policy import Cap, Policy
from app.domain.features import PROTECTED
from app.domain.interactions import Channel
from tests.factories.decisions import contexts

policies = st.builds(
    Policy,
    channel_caps=st.just({Channel.CALL: (Cap(7, 2),)}),
    cool_down_days=st.sampled_from([(), (30, None)]),
    floating_keeps=st.sampled_from([1.0, 0.5]),
    holdout_share=st.sampled_from([0.0, 0.5]),
    spend_cap_share=st.sampled_from([None, Decimal("0.30")]),
    big_spender_tiers=st.just(frozenset({"gold"})),
)
values = st.one_of(st.booleans(), st.sampled_from(["female", "male", "x"]), st.integers(0, 9), st.none())


@given(contexts(), policies, st.dictionaries(st.sampled_from(sorted(PROTECTED)), values), st.floats(0, 0.999))
def test_flipping_what_is_protected_changes_no_decision(
    drawn: DecisionContext, policy: Policy, protected: dict[str, str | int | bool | None], drawn_number: float
) -> None:
    plain = replace(drawn, policy=policy, draw=drawn_number, facts={"features": {}})
    flipped = replace(plain, facts={"features": dict(protected)})
    assert decide(plain) == decide(flipped)
