"""The shipped rules about why subscribers leave (A15): planted leavers, each cause told from what was recorded."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from app.domain.churn_causes import CauseRuleRefused, ChurnCause, cause_of
from app.domain.features import Feature, FeatureType, FeatureValue
from app.domain.formulas import FormulaRefused
from app.ml.dataset import Dataset
from app.pipelines.churn_causes import causes_of_leavers, read_rules

Facts = dict[str, FeatureValue]
RULES = read_rules()

# What is recorded of somebody about whom there is nothing to tell.
PLAIN: Facts = {
    "arrears_suspend_6m": 0,
    "network_fault_type": None,
    "complaint_type": None,
    "complaint_severity": None,
    "call_forward_m3": 2,
    "call_forward_m0": 2,
    "offnet_onnet_ratio": 0.7,
    "competitor_tariff_gap": 0.02,
    "total_minutes": 240,
    "region_moved": False,
    "bill_detail_queries": 1,
}
# Each cause as the world shows it: the plain case, then cases that something else muddies.
PLANTED: dict[str, list[Facts]] = {
    "natural": [
        {"region_moved": True},
        {"stated_reason": "moved_away"},
        {"stated_reason": "deceased", "total_minutes": 0},
        {"stated_reason": "no_longer_needs", "arrears_suspend_6m": 1},
        {"total_minutes": 0},
        {"region_moved": True, "competitor_tariff_gap": 0.2},
        {"region_moved": True, "complaint_type": "billing"},
        {"stated_reason": "moved_away", "network_fault_type": "no_coverage", "complaint_type": "network"},
        {"region_moved": True, "bill_detail_queries": 5},
        {"region_moved": True, "competitor_tariff_gap": 0.2, "offnet_onnet_ratio": 2.0},  # also what price seekers do
    ],
    "malicious": [
        {"arrears_suspend_6m": 1},
        {"arrears_suspend_6m": 4},
        {"fraud_flag": True},
        {"stated_reason": "arrears", "region_moved": True},
        {"arrears_suspend_6m": 3, "total_minutes": 0},
        {"arrears_suspend_6m": 2, "complaint_type": "billing"},
        {"arrears_suspend_6m": 5, "competitor_tariff_gap": 0.3},
        {"fraud_flag": True, "call_forward_m0": 30},
        {"arrears_suspend_6m": 1, "bill_detail_queries": 3},
        {"arrears_suspend_6m": 3, "region_moved": True},
    ],
    "competitive": [
        {"call_forward_m0": 9},
        {"competitor_tariff_gap": 0.25},
        {"offnet_onnet_ratio": 1.8},
        {"stated_reason": "competitor", "network_fault_type": "outage"},
        {"call_forward_m0": 8, "offnet_onnet_ratio": 1.6, "complaint_type": "service"},
        {"competitor_tariff_gap": 0.15, "bill_detail_queries": 6},
        {"contacts_left_share": 0.5},
        {"stated_reason": "price", "arrears_suspend_6m": 1},
        {"call_forward_m0": 7, "competitor_tariff_gap": 0.2, "network_fault_type": "slow_data"},
        {"offnet_onnet_ratio": 1.6, "network_fault_type": "slow_data"},  # a fault was there, and was not why
    ],
    "fault": [
        {"network_fault_type": "dropped_calls"},
        {"network_fault_type": "outage", "complaint_type": "network", "complaint_severity": "critical"},
        {"complaint_type": "service"},
        {"complaint_type": "billing", "complaint_severity": "major"},
        {"stated_reason": "network"},
        {"network_fault_type": "no_coverage", "competitor_tariff_gap": 0.2},
        {"network_fault_type": "slow_data", "complaint_type": "network", "call_forward_m0": 9},
        {"cell_completion_rate": 0.8},
        {"complaint_type": "network", "cell_completion_rate": 0.85, "offnet_onnet_ratio": 1.6},
        {"stated_reason": "billing_error", "competitor_tariff_gap": 0.4},
    ],
    "unknown": [
        {},
        {"call_forward_m0": None},
        {"complaint_type": "other"},
        {"bill_detail_queries": 2, "competitor_tariff_gap": 0.09},
        {"stated_reason": "other"},
        {"total_minutes": 2000, "offnet_onnet_ratio": None},
    ],
}


@pytest.mark.parametrize(
    ("facts", "cause", "sentence"),
    [
        ({"region_moved": True}, "natural", "moved to another region"),
        ({"arrears_suspend_6m": 2}, "malicious", "suspended for arrears"),
        ({"call_forward_m0": 9}, "competitive", "forwarding at least doubled"),
        ({"network_fault_type": "outage"}, "fault", "network fault was recorded"),
    ],
)
def test_each_cause_is_told_with_its_evidence(facts: Facts, cause: str, sentence: str) -> None:  # A15
    found = cause_of(PLAIN | facts, RULES)
    assert found.cause == cause
    assert sentence in " ".join(found.evidence)


def test_planted_leavers_are_told_apart_but_for_those_whose_record_speaks_for_another_cause() -> None:  # A15
    confusion = Counter(
        (planted, cause_of(PLAIN | facts, RULES).cause.value) for planted, cases in PLANTED.items() for facts in cases
    )
    right = {(cause, cause): len(cases) for cause, cases in PLANTED.items()}
    wrong = {("natural", "competitive"): 1, ("competitive", "fault"): 1}
    assert confusion == right | {("natural", "natural"): 9, ("competitive", "competitive"): 9} | wrong
    assert sum(confusion.values()) == 46


def test_the_causes_of_a_table_are_those_of_its_leavers_alone() -> None:  # A15
    column: list[FeatureValue] = ["outage", "outage", None, None]
    dataset = Dataset(
        ["a", "b", "c", "d"],
        (Feature("network_fault_type", FeatureType.CATEGORY),),
        {"network_fault_type": column},
        np.array([True, False, True, False]),
    )
    causes = causes_of_leavers(dataset, RULES)
    assert causes is not None
    assert {cause: rows for cause, rows in causes.counts.items() if rows} == {"fault": 1, "unknown": 1}


def test_a_table_without_any_of_the_facts_has_no_causes() -> None:
    dataset = Dataset(["a"], (), {"contract": ["One year"]}, np.array([True]))
    assert causes_of_leavers(dataset, RULES) is None


def test_the_rules_may_be_the_operators_own(tmp_path: Path) -> None:
    path = tmp_path / "causes.yaml"
    path.write_text(
        "order: [fault, natural, malicious, competitive]\n"
        "rules:\n  - {cause: fault, fact: tickets, comparison: at_least, weight: 1, threshold: 2, sentence: Many.}\n"
    )
    assert cause_of({"tickets": 2}, read_rules(path)).cause is ChurnCause.FAULT


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("order: [", "cannot be read"),
        ("order: [boredom]\nrules: []\n", "order"),
        ("order: [natural, malicious, competitive]\nrules: []\n", "order must name each of the four causes once"),
        ("rules: []\n", "order"),
    ],
)
def test_rules_that_cannot_be_used_are_refused_by_the_field(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "causes.yaml"
    path.write_text(text)
    with pytest.raises((CauseRuleRefused, FormulaRefused), match=reason):
        read_rules(path)
