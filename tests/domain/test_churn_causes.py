"""Why a past churner left (A15): four causes with evidence, by rules that are data."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.churn_causes import (
    CauseRule,
    CauseRuleRefused,
    CauseRules,
    ChurnCause,
    EvidenceCount,
    cause_of,
    summarise,
)
from app.domain.features import FeatureValue
from app.domain.formulas import FormulaRefused

ORDER = (ChurnCause.NATURAL, ChurnCause.MALICIOUS, ChurnCause.FAULT, ChurnCause.COMPETITIVE)


def rule(cause: str, fact: str, weight: float = 1, **how: Any) -> CauseRule:
    given: dict[str, Any] = {"comparison": "at_least", "threshold": 1.0} | how
    return CauseRule(ChurnCause(cause), fact, weight=weight, sentence=f"{fact} speaks for {cause}", **given)


RULES = CauseRules(
    ORDER,
    (
        rule("natural", "moved", comparison="one_of", threshold=None, values=(True,)),
        rule("malicious", "arrears", 3),
        rule("fault", "faults", 2),
        rule("fault", "completion", 1, comparison="at_most", threshold=0.9),
        rule("competitive", "forward_m0 / (forward_m3 + 1)", 2),
        rule("competitive", "kind", 1, comparison="one_of", threshold=None, values=("price", "offer")),
    ),
)


@pytest.mark.parametrize(
    ("facts", "cause", "evidence"),
    [
        ({"moved": True}, "natural", ["moved"]),
        ({"arrears": 1, "faults": 1}, "malicious", ["arrears"]),
        ({"faults": 4, "completion": 0.9, "forward_m0": 9, "forward_m3": 0}, "fault", ["faults", "completion"]),
        ({"kind": "offer", "forward_m0": 4, "forward_m3": 3}, "competitive", ["forward_m0 / (forward_m3 + 1)", "kind"]),
        ({"moved": False, "arrears": 0, "completion": 0.91, "kind": "other"}, "unknown", []),
        ({"arrears": None, "kind": None, "forward_m0": 9}, "unknown", []),
        ({"arrears": "many", "kind": 3}, "unknown", []),
    ],
)
def test_the_weightiest_evidence_tells_the_cause(
    facts: dict[str, FeatureValue], cause: str, evidence: list[str]
) -> None:
    found = cause_of(facts, RULES)
    assert (found.cause, list(found.facts)) == (cause, evidence)
    assert list(found.evidence) == [f"{fact} speaks for {cause}" for fact in evidence]


def test_where_the_evidence_weighs_the_same_the_declared_order_decides() -> None:
    facts: dict[str, FeatureValue] = {"faults": 1, "forward_m0": 9, "forward_m3": 0}
    other = CauseRules((ChurnCause.COMPETITIVE, *ORDER[:3]), RULES.rules)
    assert (cause_of(facts, RULES).cause, cause_of(facts, other).cause) == ("fault", "competitive")


facts = st.fixed_dictionaries(
    {},
    optional={
        "moved": st.booleans(),
        "arrears": st.integers(0, 3),
        "faults": st.one_of(st.none(), st.integers(0, 3)),
        "completion": st.floats(0, 1),
        "kind": st.sampled_from(["price", "other", None]),
    },
)


@given(facts)
def test_a_cause_never_stands_without_evidence_nor_evidence_without_its_fact(facts: dict[str, FeatureValue]) -> None:
    found = cause_of(facts, RULES)
    assert (found.cause is ChurnCause.UNKNOWN) is (not found.evidence)
    assert set(found.facts) <= facts.keys()


@given(st.lists(facts, max_size=20))
def test_every_leaver_is_counted_once(leavers: list[dict[str, FeatureValue]]) -> None:
    causes = summarise(leavers, RULES)
    assert sum(causes.counts.values()) == len(leavers)
    assert causes.counts == dict.fromkeys(ChurnCause, 0) | Counter(cause_of(one, RULES).cause for one in leavers)
    assert all(found.rows <= causes.counts[found.cause] for found in causes.evidence)


def test_the_evidence_is_counted_by_fact_the_most_frequent_first() -> None:
    leavers: list[dict[str, FeatureValue]] = [{"faults": 2, "completion": 0.5}, {"faults": 1}, {"arrears": 2}, {}]
    causes = summarise(leavers, RULES)
    assert causes.counts == {"natural": 0, "malicious": 1, "competitive": 0, "fault": 2, "unknown": 1}
    assert causes.evidence == (
        EvidenceCount("fault", "faults", 2),
        EvidenceCount("fault", "completion", 1),
        EvidenceCount("malicious", "arrears", 1),
    )


@pytest.mark.parametrize(
    "how",
    [
        {"cause": "unknown"},
        {"weight": 0},
        {"weight": float("nan")},
        {"threshold": None},
        {"values": ("a",)},
        {"comparison": "one_of"},
        {"comparison": "one_of", "threshold": None},
        {"comparison": "one_of", "threshold": None, "values": ("a",), "fact": "a + b"},
        {"fact": "a **"},
    ],
)
def test_a_rule_that_can_never_speak_is_refused(how: dict[str, Any]) -> None:
    with pytest.raises((CauseRuleRefused, FormulaRefused)):
        rule(**{"cause": "fault", "fact": "a"} | how)


@pytest.mark.parametrize("order", [ORDER[:3], (*ORDER, ORDER[0]), (*ORDER[:3], ChurnCause.UNKNOWN)])
def test_the_order_names_each_cause_once(order: tuple[ChurnCause, ...]) -> None:
    with pytest.raises(CauseRuleRefused, match="order"):
        CauseRules(order, ())
