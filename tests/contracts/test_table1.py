"""The shipped default mapping: the 27 inputs of Table 1 by name, each may be missing, each is held to its range."""

import csv
from datetime import date
from pathlib import Path

import pytest
import yaml

from app.domain.features import FeatureType, is_protected
from app.pipelines.binding import Bound, bind
from app.pipelines.mapping import TABLE_1, Mapping, read_mapping
from app.pipelines.records import Record, Reject, records
from app.pipelines.tables import Table, open_table

BASIC = ["gender", "occupation", "region", "age", "payment_method", "customer_grade", "join_date", "vpmn_group_id"]
CALLS = [
    "avg_spend_6m", "avg_spend_3m", "call_forward_m3", "call_forward_m2", "call_forward_m0", "offnet_onnet_ratio",
    "missed_calls", "total_minutes", "roaming_count",
]  # fmt: skip
PAYMENT = ["arrears_suspend_6m", "pay_method_change_3m", "payment_channel"]
COMPLAINTS = ["complaint_type", "complaint_severity", "network_fault_type"]
POLICY = ["operation_mode_change", "tariff_adjustment", "new_policy", "technology_change"]
TABLE = {
    "Basic data": BASIC,
    "Calls": CALLS,
    "Payment": PAYMENT,
    "Complaints": COMPLAINTS,
    "Policy: whether it touches this subscriber": POLICY,
}
NAMES = [name for names in TABLE.values() for name in names]

GOOD = dict.fromkeys(NAMES, "1") | {
    "gender": "female", "occupation": "teacher", "region": "North", "age": "41", "payment_method": "card",
    "customer_grade": "gold", "join_date": "2024-02-29", "vpmn_group_id": "g-7", "avg_spend_6m": "80",
    "avg_spend_3m": "60", "call_forward_m0": "9", "call_forward_m2": "3", "call_forward_m3": "1",
    "payment_channel": "shop", "complaint_type": "coverage", "complaint_severity": "high", "network_fault_type": "cell",
    "operation_mode_change": "no", "tariff_adjustment": "yes", "new_policy": "no", "technology_change": "no",
}  # fmt: skip


@pytest.fixture(scope="module")
def mapping() -> Mapping:
    return read_mapping(TABLE_1)


def table_of(folder: Path, *rows: dict[str, str]) -> Table:
    path = folder / "table.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return open_table(path)


def taken(mapping: Mapping, folder: Path, row: dict[str, str]) -> tuple[Bound, Record | list[Reject]]:
    table = table_of(folder, {"subscriber_id": "s-1"} | row)
    bound = bind(mapping, table)
    (found,) = records(bound, table)
    return bound, found if isinstance(found, list) else found[1]


def test_the_table_has_exactly_these_27_inputs_in_five_groups() -> None:
    # B1–B5
    found: dict[str, list[str]] = {}
    for line in TABLE_1.read_text(encoding="utf-8").split("\nfields:\n")[1].split("\n\n")[0].splitlines():
        if line.startswith("  # "):
            found[line.removeprefix("  # ")] = []
        elif line.startswith("  ") and not line.startswith("    "):
            found[next(reversed(found))].append(line.split(":")[0].strip())
    assert found == TABLE
    assert [len(names) for names in TABLE.values()] == [8, 9, 3, 3, 4]
    assert len(set(NAMES)) == 27


def test_each_of_them_is_a_feature_of_its_own_name(mapping: Mapping) -> None:
    features = {feature.name: feature for feature in mapping.features()}
    assert set(NAMES) < features.keys()
    assert mapping.fields.keys() == features.keys()
    for feature in features.values():
        number = feature.type is FeatureType.NUMBER
        assert [feature.unit is not None, feature.minimum is not None, feature.maximum is not None] == [number] * 3
    assert features["join_date"].type is FeatureType.DATE


def test_a_row_with_all_27_is_taken(mapping: Mapping, tmp_path: Path) -> None:
    bound, record = taken(mapping, tmp_path, GOOD)
    assert isinstance(record, Record)
    assert set(record.features) == set(NAMES)
    assert record.features["join_date"] == "2024-02-29"
    assert record.profile == {"region": "North", "joined_on": date(2024, 2, 29), "group_id": "g-7"}
    assert set(bound.derived) == {"tenure_months", "spend_trend", "forwarding_growth"}


@pytest.mark.parametrize("name", NAMES)
def test_each_of_them_may_be_missing(mapping: Mapping, tmp_path: Path, name: str) -> None:
    _, record = taken(mapping, tmp_path, GOOD | {name: ""})
    assert isinstance(record, Record)
    assert [absent for absent, value in record.features.items() if value is None] == [name]


@pytest.mark.parametrize("name", NAMES)
def test_each_of_them_out_of_its_range_is_refused_by_name(mapping: Mapping, tmp_path: Path, name: str) -> None:
    feature = {feature.name: feature for feature in mapping.features()}[name]
    wrong = {
        FeatureType.NUMBER: ["-1", "1e9"],
        FeatureType.CATEGORY: ["x" * 129],
        FeatureType.DATE: ["2024-02-30"],
        FeatureType.BOOLEAN: ["maybe"],
    }[feature.type]
    for value in wrong:
        _, rejects = taken(mapping, tmp_path, GOOD | {name: value})
        assert isinstance(rejects, list)
        assert {(reject.line, reject.field) for reject in rejects} == {(2, name)}
        assert not [reject for reject in rejects if value in reject.reason]


def test_each_of_them_may_be_absent_with_all_that_reads_it(mapping: Mapping, tmp_path: Path) -> None:
    bound, record = taken(mapping, tmp_path, {"age": "41", "avg_spend_3m": "60"})
    assert record == Record(2, "s-1", features={"age": 41, "avg_spend_3m": 60})
    assert (bound.group, bound.segments, bound.derived) == (None, (), {})


def test_gender_may_be_stored_and_nothing_is_derived_from_what_is_protected(mapping: Mapping) -> None:
    # B1, G14
    assert [feature.name for feature in mapping.features() if is_protected(feature.name)] == ["gender"]
    assert not [name for name, derived in mapping.derived.items() if "gender" in derived.parsed.operands]


def test_the_hidden_drivers_are_derived_with_formula_unit_and_lineage(mapping: Mapping) -> None:
    # B9, B12, A19, D6, D11
    rows: dict[str, float | str | bool | None] = {
        "join_date": "2024-02-29", "avg_spend_3m": 60, "avg_spend_6m": 80, "call_forward_m0": 9, "call_forward_m2": 3,
        "call_forward_m3": 1, "incoming_minutes": 300, "outgoing_minutes": 100, "offnet_minutes": 50,
        "onnet_minutes": 150, "contacts_left": 2, "frequent_contacts": 8, "bill_detail_queries": 3,
    }  # fmt: skip
    computed = {name: derived.parsed(rows, date(2024, 3, 31)) for name, derived in mapping.derived.items()}
    assert computed == {
        "tenure_months": 31 / 30.4375, "spend_trend": 0.75, "forwarding_growth": 10 / 3, "incoming_share": 0.75,
        "offnet_share": 0.25, "contagion": 0.25, "price_sensitivity": 0.75,
    }  # fmt: skip
    for derived in mapping.derived.values():
        assert derived.unit
        assert set(derived.replaces) <= derived.parsed.operands <= mapping.fields.keys()


def test_the_preset_keeps_groups_together_and_leaves_out_the_first_three_months(mapping: Mapping) -> None:
    # A10; the file itself says so, not the code
    text = yaml.safe_load(TABLE_1.read_text(encoding="utf-8"))
    assert (text["group"], text["min_tenure_months"]) == ("vpmn_group_id", 3)
    assert (mapping.group, mapping.min_tenure_months) == ("vpmn_group_id", 3.0)
