"""Rows become records: every value is taken, or refused with its line, its column and a reason."""

import csv
import datetime as dt
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.pipelines.binding import bind
from app.pipelines.mapping import Mapping, read_mapping
from app.pipelines.records import Record, Reject, day_of, records, taker
from app.pipelines.tables import Row, Table, open_table

LINE = 7
DAY = dt.date(2020, 2, 29)


def mapping_of(**fields: Any) -> Mapping:
    return Mapping.model_validate({"id": "id", "fields": fields})


def take(mapping: Mapping, line: int, row: Row) -> Record | list[Reject]:
    return taker(mapping)(line, row)


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


@pytest.mark.parametrize("type", ["number", "category", "boolean", "date"])
@pytest.mark.parametrize("raw", [["a"], {"a": 1}, b"a"])
def test_a_cell_that_holds_several_values_is_refused(type: str, raw: Any) -> None:
    assert taken(raw, type=type) == "is no single value"


def test_a_time_of_day_behind_a_date_is_passed_over() -> None:
    assert taken("2020-02-29 23:59:00", type="date") == taken("2020-02-29T23:59:00Z", type="date") == DAY


def test_a_date_is_stored_among_the_features_as_iso_text() -> None:
    # B1: the day of joining, from which tenure is derived.
    mapping = mapping_of(joined={"to": "features.join_date", "type": "date", "format": "%d/%m/%Y"})
    for raw in ("29/02/2020", DAY, dt.datetime(2020, 2, 29, 12, tzinfo=dt.UTC)):
        assert take(mapping, LINE, {"id": "s-1", "joined": raw}) == Record(
            LINE, "s-1", features={"join_date": "2020-02-29"}
        )


@pytest.mark.parametrize(("raw", "day"), [("29/02/2020", DAY), (DAY, DAY), ("", None), (None, None), (math.nan, None)])
def test_the_day_a_cell_names_can_be_asked_for(raw: Any, day: dt.date | None) -> None:
    assert day_of(raw, "%d/%m/%Y") == day


# ── one column, several places ──

SPLIT = {"to": "features.x", "type": "category", "part": {"by": "-", "take": 2}}


@pytest.mark.parametrize(("raw", "part"), [("CN-North", "North"), ("CN - North-2", "North"), ("CN-", None), ("", None)])
def test_a_part_of_a_text_is_taken(raw: str, part: str | None) -> None:
    # B13: what is split.
    assert taken(raw, **SPLIT) == part


def test_a_text_without_that_part_is_refused() -> None:
    assert taken("North", **SPLIT) == "has no part 2 when split at '-'"


def test_a_word_for_missing_counts_before_and_after_the_split() -> None:
    assert taken("NA", **SPLIT, missing=["NA"]) is None
    assert taken("CN-NA", **SPLIT, missing=["NA"]) is None


def test_one_column_goes_to_several_places() -> None:
    mapping = mapping_of(
        area=[
            {"to": "features.country", "type": "category", "part": {"by": "-", "take": 1}},
            {"to": "features.north", "type": "category", "part": {"by": "-", "take": 2}},
            {"to": "profile.region", "type": "text"},
        ]
    )
    assert take(mapping, LINE, {"id": "s-1", "area": "CN-North"}) == Record(
        LINE, "s-1", profile={"region": "CN-North"}, features={"country": "CN", "north": "North"}
    )


# ── missing values ──


@pytest.mark.parametrize("type", ["number", "category", "boolean"])
@pytest.mark.parametrize("raw", ["", "  ", None, math.nan])
def test_an_empty_cell_is_a_missing_value_of_any_type(type: str, raw: Any) -> None:
    # B1 to B5: each can be null.
    assert taken(raw, type=type) is None


@pytest.mark.parametrize("raw", ["NA", " NA ", "-", "999", 999, 999.0])
def test_what_the_mapping_calls_missing_is_missing(raw: Any) -> None:
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
    a=[{"to": "features.a", "type": "number", "min": 0}, {"to": "features.joined", "type": "date"}],
    b=[{"to": "features.b", "type": "category"}, {"to": "profile.region", "type": "text"}],
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
            assert set(record.features) == {"a", "b", "c", "joined"}
