"""A mapping meets a table: what it names must be there, and the rest is inferred if it says so."""

from typing import Any

import pytest

from app.pipelines.binding import bind, feature_names
from app.pipelines.mapping import Mapping, MappingRefused
from app.pipelines.records import records
from tests.pipelines.conftest import TableOf

NUMBER = {"to": "features.tenure", "type": "number"}


def mapping_of(**keys: Any) -> Mapping:
    return Mapping.model_validate({"id": "id"} | keys)


# ── what the mapping names ──


@pytest.mark.parametrize(
    "keys",
    [
        {"id": "gone"},
        {"fields": {"gone": NUMBER}},
        {"fields": {"a": NUMBER | {"dated": "gone"}}},
        {"as_of": {"column": "gone"}},
        {"group": "gone"},
        {"segments": ["gone"]},
        {"label": {"port_out": {"column": "gone", "values": ["x"]}}},
        {"label": {"downgrade": {"column": "gone", "ladder": ["x", "y"]}}},
        {"label": {"arpu_decline": {"column": "gone", "tiers": [1]}}},
        {"label": {"involuntary": {"column": "gone", "values": ["x"]}}},
    ],
)
def test_a_column_that_the_table_does_not_have_is_named(table_of: TableOf, keys: dict[str, Any]) -> None:
    table = table_of({"id": ["1"], "a": ["1"]})
    with pytest.raises(MappingRefused, match="names the column 'gone', which the table does not have"):
        bind(mapping_of(**keys), table)


def test_columns_that_are_not_named_are_ignored_unless_they_are_to_be_inferred(table_of: TableOf) -> None:
    bound = bind(mapping_of(), table_of({"id": ["1"], "tenure": ["12"]}))
    assert (bound.fields, bound.inferred, bound.left_out) == ({}, frozenset(), {})


def test_an_optional_mapping_drops_what_the_table_lacks(table_of: TableOf) -> None:
    fields = {
        "tenure": NUMBER,
        "gone": {"to": "features.gone", "type": "number"},
        "gap": [{"to": "features.gap", "type": "number", "dated": "gone"}, {"to": "profile.region", "type": "text"}],
    }
    derived = {
        "rate": {"formula": "tenure / 12", "replaces": ["tenure", "gone"]},
        "trend": {"formula": "gone / tenure"},
    }
    given = mapping_of(
        optional=True, fields=fields, derived=derived, group="gone", segments=["tenure", "gone"]
    )  # fmt: skip
    bound = bind(given, table_of({"id": ["1"], "tenure": ["12"], "gap": ["1"]}))
    assert [(column, source.to) for column, source in bound.sources()] == [
        ("tenure", "features.tenure"),
        ("gap", "profile.region"),
    ]
    assert (bound.group, bound.segments) == (None, ("tenure",))
    assert {name: derived.replaces for name, derived in bound.derived.items()} == {"rate": ("tenure",)}


def test_an_optional_mapping_still_needs_the_id(table_of: TableOf) -> None:
    with pytest.raises(MappingRefused, match="'id'"):
        bind(mapping_of(optional=True), table_of({"tenure": ["12"]}))


def test_two_columns_never_go_to_one_place(table_of: TableOf) -> None:
    # Otherwise one of them is lost, and nobody is told.
    table = table_of({"id": ["1"], "tenure": ["12"], "months": ["24"]})
    with pytest.raises(MappingRefused, match=r"'tenure' and 'months' both go to features\.tenure"):
        bind(mapping_of(fields={"tenure": NUMBER, "months": NUMBER}), table)


@pytest.mark.parametrize(
    ("derived", "reason"),
    [
        ({"formula": "tenure / gone"}, "trend names gone, which no column of the table gives"),
        ({"formula": "tenure / 2", "replaces": ["gone"]}, "trend names gone, which no column of the table gives"),
        ({"formula": "tenure / plan"}, "trend takes plan, a category, for a number"),
        ({"formula": "months_since(tenure)"}, "trend takes tenure, a number, for a date"),
    ],
)
def test_a_formula_that_does_not_find_what_it_reads_is_refused(
    table_of: TableOf, derived: dict[str, Any], reason: str
) -> None:
    # B12
    table = table_of({"id": ["1"], "tenure": ["12"], "plan": ["a"]})
    fields = {"tenure": NUMBER, "plan": {"to": "features.plan", "type": "category"}}
    with pytest.raises(MappingRefused, match=reason):
        bind(mapping_of(fields=fields, derived={"trend": derived}), table)


# ── what is inferred ──


def test_the_rest_is_inferred_but_for_what_tells_whose_when_and_how_it_ended(table_of: TableOf) -> None:
    columns = ["id", "tenure", "since", "month", "house", "status", "why", "brand", "arpu", "town", "skipped", "left"]
    table = table_of({column: ["a", "b"] for column in columns} | {"arpu": ["1", "2"]})
    mapping = mapping_of(
        everything_else="infer",
        fields={"tenure": NUMBER | {"dated": "since"}},
        as_of={"column": "month"},
        group="house",
        segments=["town"],
        ignore=["skipped"],
        label={
            "port_out": {"column": "status", "values": ["ported"]},
            "involuntary": {"column": "why", "values": ["arrears"]},
            "downgrade": {"column": "brand", "ladder": ["gold", "basic"]},
            "arpu_decline": {"column": "arpu", "tiers": [20]},
        },
    )
    bound = bind(mapping, table, besides=frozenset({"left"}))
    assert bound.inferred == {"brand", "arpu", "town"}
    assert bound.left_out == {}


def test_what_the_mapping_names_is_not_inferred_again(table_of: TableOf) -> None:
    mapping = mapping_of(fields={"tenure": {"to": "features.months", "type": "category"}}, everything_else="infer")
    bound = bind(mapping, table_of({"id": ["1"], "tenure": ["12"]}))
    assert (bound.fields, bound.inferred) == (mapping.fields, frozenset())


def test_an_inferred_column_may_be_derived_from(table_of: TableOf) -> None:
    derived = {"months": {"formula": "months_since(joined)"}, "double": {"formula": "fee * 2"}}
    table = table_of({"id": ["1"], "joined": ["29/02/2020"], "fee": ["-"], "Fee": ["3"]})
    mapping = mapping_of(everything_else="infer", derived=derived)
    with pytest.raises(MappingRefused, match="double names fee"):
        bind(mapping, table)
    bound = bind(
        mapping_of(everything_else="infer", derived=derived),
        table_of({"id": ["1"], "joined": ["29/02/2020"], "fee": ["3"]}),
    )
    assert set(bound.derived) == {"months", "double"}


def test_an_inferred_column_gives_way_to_the_name_of_a_derived_one(table_of: TableOf) -> None:
    mapping = mapping_of(everything_else="infer", optional=True, derived={"rate": {"formula": "fee / 2"}})
    both = bind(mapping, table_of({"id": ["1"], "fee": ["3"], "rate": ["1"]}))
    assert {source.to for _, source in both.sources()} == {"features.fee", "features.rate_2"}
    alone = bind(mapping, table_of({"id": ["1"], "rate": ["1"]}))
    assert {source.to for _, source in alone.sources()} == {"features.rate"}


def test_what_is_inferred_takes_every_value_it_was_inferred_from(table_of: TableOf) -> None:
    cells = {
        "id": ["1", "2", "3"],
        "Fee": ["3", "n/a", ""],
        "Joined on": ["13/02/2020", "01/02/2020", "NULL"],
        "vip": ["yes", "?", "No"],
    }
    table = table_of(cells)
    bound = bind(mapping_of(everything_else="infer"), table)
    found = [taken[1].features for taken in records(bound, table) if not isinstance(taken, list)]
    assert found == [
        {"fee": 3.0, "joined_on": "2020-02-13", "vip": True},
        {"fee": None, "joined_on": "2020-02-01", "vip": None},
        {"fee": None, "joined_on": None, "vip": False},
    ]


# ── names ──


@pytest.mark.parametrize(
    ("column", "name"),
    [
        ("Tenure", "tenure"),
        ("Total Charges ($)", "total_charges"),
        ("Senior?", "senior"),
        ("2nd line", "f_2nd_line"),
        ("Prénom (été)", "prenom_ete"),
        ("套餐", "u5957u9910"),
        ("ARPU月", "arpuu6708"),
        ("", "unnamed"),
        ("%", "unnamed"),
        ("x" * 80, "x" * 60),
    ],
)
def test_a_feature_is_named_after_its_column(column: str, name: str) -> None:
    assert feature_names([column]) == {column: name}


def test_names_that_are_the_same_when_cleaned_are_numbered_in_the_order_of_the_table() -> None:
    names = feature_names(["Total Charges", "total_charges", "total-charges", "fee"], taken={"fee"})
    assert names == {
        "Total Charges": "total_charges",
        "total_charges": "total_charges_2",
        "total-charges": "total_charges_3",
        "fee": "fee_2",
    }
