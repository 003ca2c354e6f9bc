"""What a column's values say of its type, and what is left to somebody who knows."""

import datetime as dt
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from app.pipelines.binding import Bound, bind
from app.pipelines.inference import Inferred, LeftOut, infer, kind_of
from app.pipelines.mapping import Mapping, MappingRefused
from app.pipelines.records import records
from app.pipelines.tables import Table, TableRefused, open_table
from tests.pipelines.conftest import TableOf

DMY, MDY = "%d/%m/%Y", "%m/%d/%Y"


def verdict(table: Table) -> Inferred | LeftOut:
    (found,) = infer(table, ["x"]).values()
    return found


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["12", "", "3.5"], Inferred("number")),
        (["29.85", "-1", "1e3"], Inferred("number")),
        (["0", "1", "1"], Inferred("number")),
        (["1,234", "12", "-1,234,567.5"], Inferred("number")),
        (["1,23", "12,3456"], Inferred("category")),
        (["nan", "1", "NULL", "?", "2"], Inferred("number", None, ("?", "NULL", "nan"))),
        (["007", "12", " 5 "], Inferred("number")),
        (["yes", "No", ""], Inferred("boolean")),
        (["TRUE", "false", "n/a"], Inferred("boolean", None, ("n/a",))),
        (["One year", "Two year", ""], Inferred("category")),
        (["1", "x", "yes"], Inferred("category")),
        (["inf", "1", "2"], Inferred("category")),
        (["None", "Gold", "-"], Inferred("category")),
        (["yes", "no", "maybe"], Inferred("category")),
    ],
)
def test_numbers_truths_and_categories_are_told_apart(table_of: TableOf, cells: list[str], expected: Inferred) -> None:
    assert verdict(table_of({"x": cells})) == expected


@pytest.mark.parametrize(
    ("cells", "form"),
    [
        (["2020-02-29", "", "2020-12-31"], None),
        (["2020-02-29 10:00:00", "2020-02-29T10:00:00Z", "2020-02-29"], None),
        (["01/02/2020", "13/02/2020"], DMY),
        (["01/02/2020", "02/13/2020"], MDY),
        (["2020/2/29", "2020/12/01"], "%Y/%m/%d"),
        (["13.02.2020", "1.2.2020"], "%d.%m.%Y"),
        (["13-02-2020", "01-02-2020"], "%d-%m-%Y"),
        (["2020-2-9", "2020-12-31"], "%Y-%m-%d"),
        (["20200229", "20201231"], "%Y%m%d"),
    ],
)
def test_dates_are_known_by_the_one_form_that_reads_them_all(
    table_of: TableOf, cells: list[str], form: str | None
) -> None:
    assert verdict(table_of({"x": cells})) == Inferred("date", form)


@pytest.mark.parametrize("cells", [["20200230", "20200101"], ["20200229", "7"], ["2020022", "20200229"], ["99999999"]])
def test_eight_digits_are_a_day_only_if_all_of_them_are(table_of: TableOf, cells: list[str]) -> None:
    assert verdict(table_of({"x": cells})) == Inferred("number")


@pytest.mark.parametrize("cells", [["2020-02-30", "2020-02-29", "a"], ["1/2/3", "4/5/6"], ["2020-02", "2020-03"]])
def test_what_only_looks_like_a_date_is_none(table_of: TableOf, cells: list[str]) -> None:
    assert verdict(table_of({"x": cells})) == Inferred("category")


# ── left out, and why ──


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (["", " ", ""], "holds no value"),
        (["", "NA", "?"], "holds no value"),
        (["01/02/2020", "03/04/2020"], "the day and the month cannot be told apart"),
        (["x" * 129, "y"], "more than 128 characters"),
        ([str(number) for number in range(1000, 1200)], "counts its rows up"),
        ([f"user {number % 110}" for number in range(200)], "tells single rows apart"),
        ([f"street {number % 1001}" for number in range(5000)], "more than 1000 different texts"),
    ],
)
def test_what_no_model_could_use_is_left_out_with_its_reason(table_of: TableOf, cells: list[str], reason: str) -> None:
    found = verdict(table_of({"x": cells}))
    assert isinstance(found, LeftOut)
    assert reason in found.reason


@pytest.mark.parametrize(
    "cells",
    [
        [f"user {number}" for number in range(100)],
        [f"user {number % 110}" for number in range(221)],
        [f"street {number % 1000}" for number in range(5000)],
    ],
)
def test_a_category_may_have_as_many_levels(table_of: TableOf, cells: list[str]) -> None:
    assert verdict(table_of({"x": cells})) == Inferred("category")


@pytest.mark.parametrize("spoilt", ["", "5", "1.5", "9" * 20])
def test_numbers_that_do_not_only_rise_are_no_ids(table_of: TableOf, spoilt: str) -> None:
    cells = [str(number) for number in range(5, 205)]
    assert verdict(table_of({"x": [*cells, spoilt]})) != verdict(table_of({"x": cells}))
    assert verdict(table_of({"x": cells[:100]})) == Inferred("number")


def test_what_is_left_out_is_listed_and_the_rest_is_taken(table_of: TableOf) -> None:
    # A category of 10⁶ levels costs its own column alone.
    columns = {"id": [f"s-{number}" for number in range(3000)], "fee": ["1"] * 3000}
    table = table_of(columns | {"note": [f"n {number}" for number in range(3000)], "blank": [""] * 3000})
    bound = bind(Mapping.model_validate({"id": "id", "everything_else": "infer"}), table)
    assert bound.inferred == {"fee"}
    assert bound.left_out == {"note": "holds more than 1000 different texts", "blank": "holds no value"}


# ── refused ──


def test_a_few_texts_among_numbers_are_refused_with_column_and_line(table_of: TableOf) -> None:
    table = table_of({"x": [*["1"] * 40, "secret", "", *["2"] * 10, "other"]})
    with pytest.raises(
        MappingRefused, match=r"'x' holds numbers, but line 42 another text: name the column"
    ) as refused:
        infer(table, ["x"])
    assert "secret" not in refused.value.detail


def test_a_few_texts_among_dates_are_refused_with_column_and_line(table_of: TableOf) -> None:
    table = table_of({"x": [*["2020-02-29"] * 30, "unknown"]})
    with pytest.raises(MappingRefused, match=r"'x' holds dates, but line 32 another text"):
        infer(table, ["x"])


def test_more_than_a_few_texts_make_a_category(table_of: TableOf) -> None:
    assert verdict(table_of({"x": [*["1"] * 19, "4+"]})) == Inferred("category")


def test_dates_in_three_forms_are_refused_with_column_and_lines(table_of: TableOf) -> None:
    table = table_of({"x": ["2020-02-29", "2020-03-01", "01/02/2020", "13/02/2020", "2020/02/13"]})
    with pytest.raises(
        MappingRefused, match=r"'x' writes its dates in several forms \(lines 2, 5, 6\): name the column"
    ):
        infer(table, ["x"])


def test_days_first_here_and_months_first_there_are_refused(table_of: TableOf) -> None:
    table = table_of({"x": ["01/02/2020", "13/02/2020", "02/13/2020"]})
    with pytest.raises(MappingRefused, match=r"lines 3, 4"):
        infer(table, ["x"])


def test_a_table_without_rows_says_nothing_of_its_columns(table_of: TableOf) -> None:
    with pytest.raises(TableRefused, match="has no rows"):
        infer(table_of({"x": []}), ["x"])


# ── typed tables ──


def test_typed_cells_are_inferred_like_texts(tmp_path: Path) -> None:
    columns = {
        "n": pa.array([1.5, None, 2.0]),
        "b": pa.array([True, False, None]),
        "d": pa.array([dt.date(2020, 2, 29), None, dt.date(2020, 3, 1)]),
        "t": pa.array([dt.datetime(2020, 2, 29, 9, tzinfo=dt.UTC)] * 3),
        "c": pa.array(["a", "b", None]).dictionary_encode(),
        "l": pa.array([[1], [2, 3], None]),
        "s": pa.array([{"a": 1}] * 3),
    }
    parquet.write_table(pa.table(columns), tmp_path / "table.parquet")
    assert infer(open_table(tmp_path / "table.parquet"), list(columns)) == {
        "n": Inferred("number"),
        "b": Inferred("boolean"),
        "d": Inferred("date"),
        "t": Inferred("date"),
        "c": Inferred("category"),
        "l": LeftOut("holds lists or objects"),
        "s": LeftOut("holds lists or objects"),
    }


# ── always ──

CELLS = st.sampled_from(
    ["", "na", "?", "1", "2.5", "-3", "20200229", "yes", "no", "2020-02-29", "01/02/2020", "31/12/2020", "Gold", "x y"]
)


@given(cells=st.lists(CELLS, min_size=1, max_size=30))
def test_every_row_of_an_inferred_table_is_taken(cells: list[str]) -> None:
    lines = list(enumerate(cells, 2))
    table = Table(("id", "x"), lambda: iter([(line, {"id": "s", "x": cell}) for line, cell in lines]), lambda: 1.0)
    mapping = Mapping.model_validate({"id": "id", "everything_else": "infer"})
    with suppress(MappingRefused):  # mixed forms of dates
        bound = bind(mapping, table)
        _require_all_taken(bound, table, len(cells))


def _require_all_taken(bound: Bound, table: Table, rows: int) -> None:
    found = list(records(bound, table))
    assert len(found) == rows
    assert not [taken for taken in found if isinstance(taken, list)]


@given(text=st.text(max_size=12))
def test_no_text_is_without_a_kind(text: str) -> None:
    kind = kind_of(text.strip())
    assert kind.missing == (text.strip().lower() in {"", "na", "n/a", "nan", "null", "?", "-", "none"})
