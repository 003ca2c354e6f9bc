"""Where each column goes and as what: every value is taken, or refused with its line, its column and a reason."""

import csv
import datetime as dt
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.features import Feature, FeatureType
from app.pipelines.mapping import (
    Mapping,
    MappingRefused,
    Record,
    Reject,
    bind,
    read_mapping,
    records,
    take,
)
from app.pipelines.tables import Table, open_table

LINE = 7
DAY = dt.date(2020, 2, 29)


def mapping_of(**fields: dict[str, Any]) -> Mapping:
    return Mapping.model_validate({"id": "id", "fields": fields})


def taken(raw: Any, **how: Any) -> Any:
    """Take one value as a feature, or as a field of the profile if it is a date; return it, or why it is refused."""
    place = "profile.joined_on" if how["type"] == "date" else "features.x"
    result = take(mapping_of(column={"to": place} | how), LINE, {"id": "s-1", "column": raw})
    if isinstance(result, list):
        (reject,) = result
        assert (reject.line, reject.field) == (LINE, "column")
        return reject.reason
    return (result.profile | result.features).get(place.partition(".")[2])


# ── values ──


@pytest.mark.parametrize(
    ("raw", "number"),
    [("12", 12), (" 12.50 ", 12.5), ("-3", -3), ("1e3", 1000), (12, 12), (12.5, 12.5), (Decimal("29.85"), 29.85)],
)
def test_a_number_is_taken(raw: Any, number: float) -> None:
    assert taken(raw, type="number") == number


@pytest.mark.parametrize("raw", ["abc", "1,5", "1 000", "1_000", "0x10", "nan", "inf", "-Infinity", True, "１２a"])
def test_what_is_no_number_is_refused(raw: Any) -> None:
    assert taken(raw, type="number") == "is not a number"


@pytest.mark.parametrize(
    ("raw", "result"),
    [("0", 0), ("1200", 1200), ("-1", "must be at least 0"), ("1200.01", "must be at most 1200")],
)
def test_a_number_is_held_to_its_range(raw: str, result: object) -> None:
    assert taken(raw, type="number", min=0, max=1200) == result


def test_a_number_that_no_model_can_hold_is_refused() -> None:
    assert taken("1e39", type="number") == "must be finite and within the range of a 32-bit float"


@pytest.mark.parametrize("raw", ["yes", "Yes", "Y", "TRUE", "t", "1", "1.0", 1, 1.0, True])
def test_a_yes_is_taken_in_many_spellings(raw: Any) -> None:
    assert taken(raw, type="boolean") is True


@pytest.mark.parametrize("raw", ["no", "No", "N", "FALSE", "f", "0", "0.0", 0, 0.0, False])
def test_a_no_is_taken_in_many_spellings(raw: Any) -> None:
    assert taken(raw, type="boolean") is False


@pytest.mark.parametrize("raw", ["maybe", "2", "-1", "yesno", "是"])
def test_what_is_neither_yes_nor_no_is_refused(raw: str) -> None:
    assert taken(raw, type="boolean") == "is not yes or no"


@pytest.mark.parametrize(
    ("raw", "form"),
    [
        ("2020-02-29", None),
        (" 2020-02-29 ", None),
        ("29/02/2020", "%d/%m/%Y"),
        ("20200229", "%Y%m%d"),
        (DAY, None),
        (DAY, "%d/%m/%Y"),
        (dt.datetime(2020, 2, 29, 23, 59, tzinfo=dt.UTC), None),
    ],
)
def test_a_date_is_taken_in_the_form_the_mapping_names(raw: Any, form: str | None) -> None:
    assert taken(raw, type="date", format=form) == DAY


@pytest.mark.parametrize(
    ("raw", "form", "shown"),
    [
        ("29/02/2020", None, "YYYY-MM-DD"),
        ("2019-02-29", None, "YYYY-MM-DD"),
        ("yesterday", None, "YYYY-MM-DD"),
        ("2020-02-29", "%d/%m/%Y", "%d/%m/%Y"),
        ("31/02/2020", "%d/%m/%Y", "%d/%m/%Y"),
    ],
)
def test_what_is_no_such_date_is_refused_with_the_form_it_should_have(raw: str, form: str | None, shown: str) -> None:
    assert taken(raw, type="date", format=form) == f"is not a date of the form {shown}"


@pytest.mark.parametrize(("raw", "text"), [(" One year ", "One year"), ("套餐", "套餐"), (5, "5"), ("No", "No")])
def test_a_category_is_taken_as_the_text_it_is(raw: Any, text: str) -> None:
    assert taken(raw, type="category") == text


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("Z\udcfcrich", "must not hold control characters or bytes that are not UTF-8"),
        ("a\0b", "must not hold control characters or bytes that are not UTF-8"),
        ("x" * 129, "must have at most 128 characters"),
    ],
)
def test_a_category_that_no_caller_could_have_sent_is_refused(raw: str, reason: str) -> None:
    # A table brings in nothing that `PUT …/snapshots/…` would refuse.
    assert taken(raw, type="category") == reason


@pytest.mark.parametrize("raw", ["a\x07b", "a\x1b[31mb", "a\x85b"])
def test_a_category_with_control_characters_is_refused_as_from_a_caller(raw: str) -> None:
    assert "control characters" in str(taken(raw, type="category"))


# ── missing values ──


@pytest.mark.parametrize("type", ["number", "category", "boolean"])
@pytest.mark.parametrize("raw", ["", "  ", None, math.nan])
def test_an_empty_cell_is_a_missing_value_of_any_type(type: str, raw: Any) -> None:
    # B1 to B5: each can be null.
    assert taken(raw, type=type) is None


@pytest.mark.parametrize("raw", ["NA", " NA ", "-", "999"])
def test_what_the_mapping_calls_missing_is_missing(raw: str) -> None:
    assert taken(raw, type="number", missing=["NA", "-", "999"]) is None


def test_a_missing_feature_is_stored_as_unknown_and_a_missing_profile_field_is_left_alone() -> None:
    mapping = mapping_of(
        tenure={"to": "features.tenure_months", "type": "number"},
        town={"to": "profile.region", "type": "text"},
        phone={"to": "contact.phone", "type": "text"},
        sms={"to": "consents.sms", "type": "boolean"},
    )
    record = take(mapping, LINE, {"id": "s-1", "tenure": "", "town": "", "phone": None, "sms": " "})
    assert record == Record(LINE, "s-1", features={"tenure_months": None})


# ── rows ──


def test_a_row_is_spread_over_the_places_that_the_mapping_names() -> None:
    mapping = mapping_of(
        tenure={"to": "features.tenure_months", "type": "number"},
        joined={"to": "profile.joined_on", "type": "date"},
        phone={"to": "contact.phone", "type": "text"},
        sms={"to": "consents.sms", "type": "boolean"},
    )
    row = {"id": 5281, "tenure": "12", "joined": "2020-02-29", "phone": "+8613800001234", "sms": "no", "other": "x"}
    assert take(mapping, LINE, row) == Record(
        LINE,
        "5281",
        profile={"joined_on": DAY},
        contact={"phone": "+8613800001234"},
        consents={"sms": False},
        features={"tenure_months": 12},
    )


def test_a_row_with_several_faults_names_them_all() -> None:
    mapping = mapping_of(
        tenure={"to": "features.tenure_months", "type": "number"}, senior={"to": "features.senior", "type": "boolean"}
    )
    assert take(mapping, LINE, {"id": "a b", "tenure": "long", "senior": "old"}) == [
        Reject(LINE, "id", "is not a subscriber id (1 to 64 of A-Z a-z 0-9 . _ : -)"),
        Reject(LINE, "tenure", "is not a number"),
        Reject(LINE, "senior", "is not yes or no"),
    ]


@pytest.mark.parametrize("id", ["", None, math.nan, "a b", "x" * 65, "ä", "a/b", "a\nb", "\udcff"])
def test_a_row_without_a_proper_id_is_refused(id: object) -> None:
    reason = "is not a subscriber id (1 to 64 of A-Z a-z 0-9 . _ : -)"
    assert take(mapping_of(), LINE, {"id": id}) == [Reject(LINE, "id", reason)]


def test_white_space_around_an_id_is_ignored() -> None:
    assert take(mapping_of(), LINE, {"id": " s-1\t"}) == Record(LINE, "s-1")


def write(tmp_path: Path, rows: str, mapping: str) -> tuple[Mapping, Table]:
    (tmp_path / "table.csv").write_text(rows, encoding="utf-8")
    (tmp_path / "mapping.yaml").write_text(mapping, encoding="utf-8")
    return read_mapping(tmp_path / "mapping.yaml"), open_table(tmp_path / "table.csv")


def outcomes(mapping: Mapping, table: Table) -> list[Record | list[Reject]]:
    return [taken if isinstance(taken, list) else taken[1] for taken in records(bind(mapping, table), table)]


def test_a_row_of_the_wrong_shape_is_refused_like_one_of_wrong_values(tmp_path: Path) -> None:
    mapping, table = write(tmp_path, "id,tenure\n1,12\n2\n", "id: id\n")
    reject = Reject(3, "", "has 1 fields where the header has 2")
    assert outcomes(mapping, table) == [Record(2, "1"), [reject]]


CELLS = st.sampled_from(["", "12", "-1", "yes", "2020-02-29", "x y", "s-1"]) | st.text(max_size=12)
LINES = st.lists(st.lists(CELLS, min_size=1, max_size=6), max_size=8)
EVERY_TYPE = mapping_of(
    a={"to": "features.a", "type": "number", "min": 0},
    b={"to": "features.b", "type": "category"},
    c={"to": "features.c", "type": "boolean"},
    d={"to": "profile.joined_on", "type": "date"},
)


@given(lines=LINES, rubbish=st.binary(max_size=6))
def test_every_row_gives_exactly_one_record_or_its_reasons(
    tmp_path_factory: pytest.TempPathFactory, lines: list[list[str]], rubbish: bytes
) -> None:
    # C11: count in = count out + refused.
    path = tmp_path_factory.getbasetemp() / "any.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([["id", "a", "b", "c", "d"], *lines])
    last_line = b"".join(bytes([byte]) for byte in rubbish if byte not in b'\r\n"') + b",,,,"
    path.write_bytes(path.read_bytes() + last_line)
    found = list(records(EVERY_TYPE, open_table(path)))
    assert len(found) == len(lines) + 1
    for outcome in found:
        if isinstance(outcome, list):
            assert outcome
            assert all(reject.line > 1 and reject.reason for reject in outcome)
        else:
            row, record = outcome
            assert record.subscriber_id == row["id"].strip()
            assert set(record.features) == {"a", "b", "c"}


# ── the mapping file ──

GOOD = "id: rownames\nfields:\n  tenure: {to: features.tenure_months, type: number, unit: months, min: 0}\n"


def read(tmp_path: Path, text: str) -> Mapping:
    path = tmp_path / "mapping.yaml"
    path.write_text(text, encoding="utf-8")
    return read_mapping(path)


def test_a_mapping_declares_the_features_it_brings(tmp_path: Path) -> None:
    # B12
    mapping = read(tmp_path, GOOD + "  town: {to: profile.region, type: text}\n")
    assert mapping.id == "rownames"
    assert mapping.features() == [Feature("tenure_months", FeatureType.NUMBER, "months", minimum=0)]


@pytest.mark.parametrize(
    "place",
    ["features.tenure", "features.a_2", "profile.region", "profile.status", "contact.phone", "consents.marketing"],
)
def test_these_are_places(tmp_path: Path, place: str) -> None:
    kind = "number" if place.startswith("features") else "text"
    assert read(tmp_path, f"id: id\nfields:\n  a: {{to: {place}, type: {kind}}}\n").fields["a"].to == place


@pytest.mark.parametrize(
    "place",
    [
        "tenure",
        "features",
        "features.",
        "features.Tenure",
        "features.2nd",
        "features.a.b",
        "profile.shoe_size",
        "profile.consents",
        "contact.fax",
        "consents.",
        "subscriber.region",
        "features.ténure",
    ],
)
def test_an_unknown_place_is_refused_by_name(tmp_path: Path, place: str) -> None:
    with pytest.raises(MappingRefused, match="is no place") as refused:
        read(tmp_path, f"id: id\nfields:\n  a: {{to: {place}, type: number}}\n")
    assert place in refused.value.detail


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (GOOD + "fild: {}\n", "fild"),
        (GOOD.replace("unit", "units"), "units"),
        (GOOD.replace("type: number", "type: float"), "tenure.type"),
        (GOOD.replace("type: number", "type: date"), "a feature is a number, a category or a boolean, not a date"),
        (GOOD.replace("min: 0", "min: low"), "tenure.min"),
        (GOOD.replace("id: rownames\n", ""), "id"),
        (GOOD + "everything_else: guess\n", "everything_else"),
        ("id: id\nfields: [tenure]\n", "fields"),
        ("id: id\nfields: {tenure: features.tenure}\n", "tenure"),
    ],
)
def test_what_is_wrong_in_a_mapping_is_named_in_one_line(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(MappingRefused) as refused:
        read(tmp_path, text)
    assert named in refused.value.detail
    assert "mapping.yaml" in refused.value.detail
    assert "\n" not in refused.value.detail


@pytest.mark.parametrize("text", ["", "just a text", "- a\n- list\n", "id: [", "\t", "id: &a [*a]"])
def test_what_is_no_mapping_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(MappingRefused, match=r"mapping\.yaml") as refused:
        read(tmp_path, text)
    assert "\n" not in refused.value.detail


def test_a_mapping_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MappingRefused, match=r"gone\.yaml cannot be read"):
        read_mapping(tmp_path / "gone.yaml")
    (tmp_path / "latin.yaml").write_bytes("id: Zürich\n".encode("latin-1"))
    with pytest.raises(MappingRefused, match=r"latin\.yaml is not YAML"):
        read_mapping(tmp_path / "latin.yaml")


def test_a_mapping_file_runs_no_code(tmp_path: Path) -> None:
    with pytest.raises(MappingRefused):
        read(tmp_path, f"id: !!python/object/apply:pathlib.Path.touch [{tmp_path}/touched]\n")
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize("column", ["no", "yes", "on", "Off", "true", "null", "1.10", "0123", "2026-10-31", "12:30"])
def test_a_column_is_called_as_it_is_written_whatever_yaml_makes_of_the_word(tmp_path: Path, column: str) -> None:
    mapping, table = write(
        tmp_path,
        f"{column}x,{column}\ns-1,12\n",
        f"id: {column}x\nfields:\n  {column}: {{to: features.x, type: number}}\n",
    )
    assert outcomes(mapping, table) == [Record(2, "s-1", features={"x": 12})]


def test_the_id_column_too_is_called_as_it_is_written(tmp_path: Path) -> None:
    mapping, table = write(tmp_path, "no,tenure\ns-1,12\n", "id: no\n")
    assert bind(mapping, table).id == "no"


@pytest.mark.parametrize("mark", ["no", "NO", "off", "0", "0.0", "1.10", "null", "~", "2026-10-31"])
def test_a_mark_for_missing_is_taken_as_it_is_written(tmp_path: Path, mark: str) -> None:
    field = f"a: {{to: features.a, type: category, missing: [{mark}]}}"
    mapping, table = write(tmp_path, f"id,a\ns-1,{mark}\n", f"id: id\nfields:\n  {field}\n")
    assert outcomes(mapping, table) == [Record(2, "s-1", features={"a": None})]


# ── a mapping and a table ──


@pytest.mark.parametrize("columns", ["id", "tenure"])
def test_a_column_that_the_table_does_not_have_is_named(tmp_path: Path, columns: str) -> None:
    mapping, table = write(
        tmp_path, f"{columns}\n1\n", "id: id\nfields:\n  tenure: {to: features.tenure, type: number}\n"
    )
    absent = {"id": "tenure", "tenure": "id"}[columns]
    with pytest.raises(MappingRefused, match=f"names the column '{absent}', which the table does not have"):
        bind(mapping, table)


def test_columns_that_are_not_named_are_ignored_unless_they_are_to_be_inferred(tmp_path: Path) -> None:
    mapping, table = write(tmp_path, "id,tenure\n1,12\n", "id: id\n")
    assert bind(mapping, table).fields == {}


INFERRED = {
    "Tenure": (["12", "", "3.5"], "features.tenure", "number"),
    "Total Charges ($)": (["29.85", "-1", "0"], "features.total_charges", "number"),
    "Senior?": (["yes", "No", ""], "features.senior", "boolean"),
    "contract": (["One year", "Two year", ""], "features.contract", "category"),
    "mixed": (["1", "x", "yes"], "features.mixed", "category"),
    "2nd line": (["0", "1", "1"], "features.f_2nd_line", "number"),
    "odd": (["nan", "1", "2"], "features.odd", "category"),
}


def table_of(tmp_path: Path, columns: dict[str, list[str]]) -> Table:
    path = tmp_path / "table.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([list(columns), *zip(*columns.values(), strict=True)])
    return open_table(path)


def test_other_columns_are_taken_with_the_type_their_values_have(tmp_path: Path) -> None:
    cells = {name: values for name, (values, _, _) in INFERRED.items()}
    table = table_of(tmp_path, {"id": ["1", "2", "3"], "left": ["yes", "no", "no"]} | cells)
    mapping = Mapping.model_validate({"id": "id", "everything_else": "infer"})
    bound = bind(mapping, table, besides=frozenset({"left"}))
    assert {name: (found.to, found.type) for name, found in bound.fields.items()} == {
        name: (place, kind) for name, (_, place, kind) in INFERRED.items()
    }
    assert not [taken for taken in records(bound, table) if isinstance(taken, list)]


def test_what_the_mapping_names_is_not_inferred_again(tmp_path: Path) -> None:
    table = table_of(tmp_path, {"id": ["1"], "tenure": ["12"]})
    mapping = Mapping.model_validate(
        {"id": "id", "fields": {"tenure": {"to": "features.months", "type": "category"}}, "everything_else": "infer"}
    )
    assert bind(mapping, table).fields == mapping.fields


def test_two_columns_never_go_to_one_place(tmp_path: Path) -> None:
    # Otherwise one of them is lost, and nobody is told.
    table = table_of(tmp_path, {"id": ["1"], "tenure": ["12"], "months": ["24"]})
    both = {"to": "features.tenure", "type": "number"}
    with pytest.raises(MappingRefused, match="months"):
        bind(mapping_of(tenure=both, months=both), table)


@pytest.mark.parametrize("columns", [["Total Charges", "total_charges"], ["套餐", "资费"]])
def test_two_inferred_columns_never_go_to_one_place(tmp_path: Path, columns: list[str]) -> None:
    table = table_of(tmp_path, {"id": ["1"]} | {column: ["12"] for column in columns})
    with pytest.raises(MappingRefused, match=columns[1]):
        bind(Mapping.model_validate({"id": "id", "everything_else": "infer"}), table)
