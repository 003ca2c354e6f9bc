"""Tables of another shape: narrow ones made wide, and columns of other tables found by key and day."""

import datetime as dt
import math
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from app.pipelines.mapping import Mapping, MappingRefused
from app.pipelines.shaping import shaped
from app.pipelines.tables import BadRow, Row, Table, TableRefused, open_table

Put = Callable[..., Path]


@pytest.fixture
def put(tmp_path: Path) -> Put:
    def put(text: str, name: str = "table.csv") -> Path:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return put


def mapping_of(**keys: Any) -> Mapping:
    return Mapping.model_validate({"id": "id"} | keys)


def narrow_of(aggregate: str = "last", **keys: Any) -> Mapping:
    return mapping_of(narrow={"name": "what", "value": "much", "aggregate": aggregate}, **keys)


def in_memory(columns: tuple[str, ...], rows: list[Row]) -> Table:
    return Table(columns, lambda: iter([(line, dict(row)) for line, row in enumerate(rows, 2)]), lambda: 1.0)


def rows_of(table: Table) -> list[Row | BadRow]:
    return [row for _, row in table.rows()]


def test_a_table_of_the_right_shape_is_left_as_it_is(put: Put, tmp_path: Path) -> None:
    table = open_table(put("id,a\n1,2\n"))
    assert shaped(table, mapping_of(), tmp_path) is table


# ── narrow ──

NARROW = "id,region,what,much\n1,North,fee,10\n2,South,fee,20\n1,North,calls,7\n1,North,plan,Gold\n2,South,calls,\n"


def test_each_name_of_a_narrow_table_becomes_a_column(put: Put, tmp_path: Path) -> None:
    table = shaped(open_table(put(NARROW)), narrow_of(), tmp_path)
    assert table.columns == ("id", "region", "fee", "calls", "plan")
    assert list(table.rows()) == [
        (2, {"id": "1", "region": "North", "fee": "10", "calls": "7", "plan": "Gold"}),
        (3, {"id": "2", "region": "South", "fee": "20", "calls": None, "plan": None}),
    ]
    assert table.aggregated == {}
    assert table.progress() == 1
    assert list(table.rows()) == list(table.rows())


@pytest.mark.parametrize(
    ("how", "fee", "calls"),
    [
        ("last", "6", "7"),
        ("first", "1", "7"),
        ("sum", 9, "7"),
        ("mean", 3, "7"),
        ("min", 1, "7"),
        ("max", 6, "7"),
        ("count", 3, 1),
    ],
)
def test_what_is_told_several_times_is_joined_as_the_mapping_says(
    put: Put, tmp_path: Path, how: str, fee: object, calls: object
) -> None:
    # B13: what is aggregated.
    path = put("id,what,much\n1,fee,1\n1,calls,7\n1,fee,2\n1,fee,\n1,fee,6\n2,fee,5\n")
    table = shaped(open_table(path), narrow_of(how), tmp_path)
    first, _ = rows_of(table)
    assert first == {"id": "1", "fee": fee, "calls": calls}
    assert table.aggregated == {"fee": 1}


def test_a_panel_keeps_a_row_for_each_day(put: Put, tmp_path: Path) -> None:
    path = put("id,month,what,much\n1,2026-01,fee,1\n1,2026-02,fee,2\n1,2026-01,calls,3\n")
    table = shaped(open_table(path), narrow_of(as_of={"column": "month", "format": "%Y-%m"}), tmp_path)
    assert rows_of(table) == [
        {"id": "1", "month": "2026-01", "fee": "1", "calls": "3"},
        {"id": "1", "month": "2026-02", "fee": "2", "calls": None},
    ]


def test_what_stands_beside_the_values_keeps_its_last_cell_and_is_counted_if_it_changed(
    put: Put, tmp_path: Path
) -> None:
    path = put("id,region,what,much\n1,North,fee,1\n1,South,calls,3\n2,East,fee,2\n2,East,calls,2\n")
    table = shaped(open_table(path), narrow_of(), tmp_path)
    assert [row["region"] for row in rows_of(table) if not isinstance(row, BadRow)] == ["South", "East"]
    assert table.aggregated == {"region": 1}


def test_what_is_written_or_missing_in_another_way_has_not_changed(tmp_path: Path) -> None:
    rows = [
        {"id": id, "region": region, "what": name, "much": 1}
        for id, region, name in [("1", math.nan, "fee"), (" 1", float("nan"), "calls"), (1, None, "plan")]
    ]
    table = shaped(in_memory(("id", "region", "what", "much"), rows), narrow_of(), tmp_path)
    assert rows_of(table) == [{"id": 1, "region": None, "fee": 1, "calls": 1, "plan": 1}]
    assert table.aggregated == {}


def test_a_row_that_belongs_nowhere_is_bad_alone(put: Put, tmp_path: Path) -> None:
    path = put("id,region,what,much\n1,N,fee,1\n,N,fee,2\n1,N,,3\n1,N\n1,N,region,4\n2,N,fee,5\n")
    table = shaped(open_table(path), narrow_of(), tmp_path)
    assert list(table.rows()) == [
        (2, {"id": "1", "region": "N", "fee": "1"}),
        (3, BadRow("has no id in 'id'")),
        (4, BadRow("has no name in 'what'")),
        (5, BadRow("has 2 fields where the header has 4")),
        (6, BadRow("has in 'what' the name of the column 'region'")),
        (7, {"id": "2", "region": "N", "fee": "5"}),
    ]


def test_what_cannot_be_made_wide_is_refused_by_column_and_line(put: Put, tmp_path: Path) -> None:
    with pytest.raises(MappingRefused, match="names the column 'much', which the table does not have"):
        shaped(open_table(put("id,what\n1,fee\n")), narrow_of(), tmp_path)
    texts = open_table(put("id,what,much\n1,plan,Gold\n1,plan,secret\n"))
    with pytest.raises(TableRefused, match="line 3: 'much' repeats what is no number: mean needs one") as refused:
        shaped(texts, narrow_of("mean"), tmp_path)
    assert "secret" not in refused.value.detail
    names = "".join(f"1,name {number},1\n" for number in range(1001))
    with pytest.raises(TableRefused, match="line 1002: 'what' holds more than 1000 different names"):
        shaped(open_table(put("id,what,much\n" + names)), narrow_of(), tmp_path)


CELL = st.one_of(st.none(), st.sampled_from(["1", "2.5", "Gold", "x y"]))
WIDE = st.dictionaries(st.sampled_from(["s-1", "s-2", "s-3", "s-4"]), st.tuples(CELL, CELL, CELL), min_size=1)


@given(wide=WIDE, order=st.randoms(use_true_random=False))
def test_a_wide_table_made_narrow_and_wide_again_is_the_same(
    wide: dict[str, tuple[str | None, ...]], order: Any
) -> None:
    narrow = [
        {"id": id, "what": name, "much": value}
        for id, values in wide.items()
        for name, value in zip("abc", values, strict=True)
    ]
    order.shuffle(narrow)
    table = shaped(in_memory(("id", "what", "much"), narrow), narrow_of(), Path())
    assert sorted(table.columns) == ["a", "b", "c", "id"]
    found = {row["id"]: tuple(row[name] for name in "abc") for row in rows_of(table) if not isinstance(row, BadRow)}
    assert found == wide


# ── joins ──


def joined(*joins: dict[str, str], **keys: Any) -> Mapping:
    return mapping_of(joins=list(joins), **keys)


CELLS = {"table": "cells.csv", "on": "cell"}
TARIFFS = {"table": "tariffs.csv", "on": "plan", "since": "day"}


def test_columns_of_a_second_table_are_found_by_key(put: Put, tmp_path: Path) -> None:
    # B10
    put("cell,completion,fault\nc1,0.98,no\nc2,0.61,yes\n,0.5,no\n", "cells.csv")
    table = shaped(open_table(put("id,cell\n1,c2\n2,c1\n3,c9\n4,\n5\n")), joined(CELLS), tmp_path)
    assert table.columns == ("id", "cell", "completion", "fault")
    assert list(table.rows()) == [
        (2, {"id": "1", "cell": "c2", "completion": "0.61", "fault": "yes"}),
        (3, {"id": "2", "cell": "c1", "completion": "0.98", "fault": "no"}),
        (4, {"id": "3", "cell": "c9", "completion": None, "fault": None}),
        (5, {"id": "4", "cell": "", "completion": None, "fault": None}),
        (6, BadRow("has 1 fields where the header has 2")),
    ]


def test_only_the_subscribers_of_a_cell_hear_of_its_change(put: Put, tmp_path: Path) -> None:
    # B10
    path = put("id,cell\n1,c1\n2,c2\n3,c1\n")
    put("cell,completion\nc1,0.98\nc2,0.97\n", "cells.csv")
    before = rows_of(shaped(open_table(path), joined(CELLS), tmp_path))
    put("cell,completion\nc1,0.98\nc2,0.42\n", "cells.csv")
    after = rows_of(shaped(open_table(path), joined(CELLS), tmp_path))
    assert [one == other for one, other in zip(before, after, strict=True)] == [True, False, True]


def test_keys_of_a_typed_table_are_found_as_they_are_written(put: Put, tmp_path: Path) -> None:
    parquet.write_table(pa.table({"cell": [12.0, None], "completion": [0.5, 0.1]}), tmp_path / "cells.parquet")
    mapping = joined({"table": "cells.parquet", "on": "cell"})
    (row,) = rows_of(shaped(open_table(put("id,cell\n1,12\n")), mapping, tmp_path))
    assert row == {"id": "1", "cell": "12", "completion": 0.5}


def test_one_join_may_lead_to_the_next(put: Put, tmp_path: Path) -> None:
    put("cell,city\nc1,Bern\n", "cells.csv")
    put("city,shops\nBern,3\n", "cities.csv")
    mapping = joined(CELLS, {"table": "cities.csv", "on": "city"})
    (row,) = rows_of(shaped(open_table(put("id,cell\n1,c1\n")), mapping, tmp_path))
    assert row == {"id": "1", "cell": "c1", "city": "Bern", "shops": "3"}


@pytest.mark.parametrize(
    ("as_of", "gap"),
    [("2026-01-09", None), ("2026-01-10", "1"), ("2026-03-31", "1"), ("2026-04-01", "4"), ("2027-01-01", "9")],
)
def test_the_latest_value_on_or_before_the_day_of_the_row_counts(
    put: Put, tmp_path: Path, as_of: str, gap: str | None
) -> None:
    # B11
    put("plan,day,gap\nA,2026-04-01,4\nA,2026-01-10,1\nB,2026-01-01,7\nA,2026-12-31,9\n", "tariffs.csv")
    path = put(f"id,plan,month\n1,A,{as_of}\n")
    (row,) = rows_of(shaped(open_table(path), joined(TARIFFS, as_of={"column": "month"}), tmp_path))
    assert row == {"id": "1", "plan": "A", "month": as_of, "gap": gap}
    (row,) = rows_of(shaped(open_table(path), joined(TARIFFS, as_of={"date": as_of}), tmp_path))
    assert isinstance(row, dict)
    assert row["gap"] == gap


def test_dates_are_read_in_the_forms_that_are_named(put: Put, tmp_path: Path) -> None:
    put("plan,day,gap\nA,01/02/2026,4\n", "tariffs.csv")
    mapping = joined(TARIFFS | {"format": "%d/%m/%Y"}, as_of={"column": "month", "format": "%Y-%m"})
    rows = rows_of(shaped(open_table(put("id,plan,month\n1,A,2026-01\n2,A,2026-02\n")), mapping, tmp_path))
    assert [row["gap"] for row in rows if not isinstance(row, BadRow)] == [None, "4"]


def test_a_row_whose_day_is_not_known_takes_nothing(put: Put, tmp_path: Path) -> None:
    put("plan,day,gap\nA,2026-04-01,4\n", "tariffs.csv")
    path = put("id,plan,month\n1,A,soon\n2,A,\n")
    table = shaped(open_table(path), joined(TARIFFS, as_of={"column": "month"}), tmp_path)
    assert rows_of(table) == [BadRow("month is not a date of the form YYYY-MM-DD"), BadRow("month is blank")]


@pytest.mark.parametrize(
    ("second", "join", "reason"),
    [
        ("cell,x\nc1,1\nc2,1\nc1,2\n", CELLS, "cells.csv line 4: the same 'cell' stands there twice, and no column"),
        ("cell,day,x\nc1,2026-01-01,1\nc1,2026-01-01,2\n", CELLS | {"since": "day"}, "line 3: the same 'cell' stands"),
        ("cell,id\nc1,1\n", CELLS, "cells.csv has a column 'id' as the table has"),
        ("place,x\nc1,1\n", CELLS, "cells.csv has no column 'cell' to join it by"),
        ("cell,x\nc1,1\n", CELLS | {"since": "day"}, "cells.csv has no column 'day' to join it by"),
        ("cell,day,x\nc1,soon,1\n", CELLS | {"since": "day"}, "cells.csv line 2: day is not a date of the form"),
        ("cell,day,x\nc1,,1\n", CELLS | {"since": "day"}, "cells.csv line 2: day is blank"),
        ("cell,x\nc1\n", CELLS, "cells.csv line 2: has 1 fields where the header has 2"),
        ("cell,x\nc1,1\n", CELLS | {"table": "gone.csv"}, "gone.csv is not a file"),
    ],
)
def test_a_second_table_that_leaves_a_doubt_is_refused(
    put: Put, tmp_path: Path, second: str, join: dict[str, str], reason: str
) -> None:
    put(second, "cells.csv")
    with pytest.raises(TableRefused) as refused:
        shaped(open_table(put("id,cell\n1,c1\n")), joined(join, as_of={"date": "2026-10-31"}), tmp_path)
    assert reason in refused.value.detail


@pytest.mark.parametrize(("header", "absent"), [("id,month", "plan"), ("id,plan", "month")])
def test_a_table_without_the_column_to_join_by_is_refused(put: Put, tmp_path: Path, header: str, absent: str) -> None:
    put("plan,day,gap\nA,2026-04-01,4\n", "tariffs.csv")
    with pytest.raises(MappingRefused, match=f"names the column '{absent}'"):
        shaped(open_table(put(f"{header}\n1,A\n")), joined(TARIFFS, as_of={"column": "month"}), tmp_path)


DAYS = st.dates(date(2026, 1, 1), date(2026, 1, 20))


@given(
    history=st.dictionaries(st.tuples(st.sampled_from("AB"), DAYS), st.just(None), max_size=20),
    rows=st.lists(st.tuples(st.sampled_from("ABC"), DAYS), min_size=1, max_size=10),
)
def test_no_value_is_ever_taken_from_the_future(
    tmp_path_factory: pytest.TempPathFactory, history: dict[tuple[str, date], None], rows: list[tuple[str, date]]
) -> None:
    # B11: the score at t uses only values dated ≤ t.
    folder = tmp_path_factory.getbasetemp()
    lines = [f"{plan},{day},{plan} {day}\n" for plan, day in history]
    (folder / "tariffs.csv").write_text("plan,day,told\n" + "".join(lines))
    mapping = joined(TARIFFS, as_of={"column": "month"})
    main = in_memory(("id", "plan", "month"), [{"id": "s", "plan": plan, "month": day} for plan, day in rows])
    for (plan, day), row in zip(rows, rows_of(shaped(main, mapping, folder)), strict=True):
        known = [since for of, since in history if of == plan and since <= day]
        assert isinstance(row, dict)
        assert row["told"] == (f"{plan} {max(known)}" if known else None)


def test_a_time_of_day_does_not_bring_the_next_day_in(put: Put, tmp_path: Path) -> None:
    put("plan,day,gap\nA,2026-04-01,1\nA,2026-04-02,2\n", "tariffs.csv")
    at = dt.datetime(2026, 4, 1, 23, 59, tzinfo=dt.UTC)
    main = in_memory(("id", "plan", "month"), [{"id": "s", "plan": "A", "month": at}])
    (row,) = rows_of(shaped(main, joined(TARIFFS, as_of={"column": "month"}), tmp_path))
    assert isinstance(row, dict)
    assert row["gap"] == "1"


def test_a_narrow_table_may_be_joined(put: Put, tmp_path: Path) -> None:
    put("plan,price\nGold,30\n", "plans.csv")
    mapping = narrow_of(joins=[{"table": "plans.csv", "on": "plan"}])
    table = shaped(open_table(put(NARROW)), mapping, tmp_path)
    assert [row["price"] for row in rows_of(table) if not isinstance(row, BadRow)] == ["30", None]
    assert table.progress() == 1
