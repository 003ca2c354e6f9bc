"""The cleaning report (B13): what became of every row and cell, in counts that add up."""

import csv
import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow.parquet import write_table

from app.pipelines.cleaning import Cleaning, ColumnCleaning
from app.pipelines.labelled import read
from app.pipelines.mapping import Mapping
from app.pipelines.questions import Question
from app.pipelines.records import Reject
from app.pipelines.shaping import shaped
from app.pipelines.tables import Table, open_table

MAPPING = Mapping.model_validate(
    {
        "id": "id",
        "fields": {
            "tenure": {"to": "features.tenure_months", "type": "number", "min": 0, "missing": ["-"]},
            "senior": {"to": "features.senior", "type": "boolean"},
            "plan": {"to": "features.plan", "type": "category"},
            "joined": {"to": "features.joined", "type": "date", "format": "%d/%m/%Y"},
            "region": {"to": "profile.region", "type": "text"},
        },
        "as_of": {"date": "2026-10-31"},
    }
)
QUESTION = Question("port_out", 30, target="left", positive="yes")

# One row a known fault; what is said behind it is what is to be counted.
DIRTY = """\
id,tenure,senior,plan,joined,region,left
s-1,12,yes,basic,31/12/2020,North,yes
s-2,-,no,basic,01/02/2021,,no
s-3,3.5,Y, gold ,,South,no
s-4,long,no,gold,01/02/2021,South,no
s-5,-1,maybe,gold,2021-02-01,South,yes
bad id,7,no,basic,01/02/2021,North,no
s-7,7,no
s-1,8,no,basic,01/02/2021,North,no
s-9,9,,,01/02/2021, North,
s-10,1,no,basic,01/02/2021,North,no
"""
FAULTS = [
    (5, "tenure"),
    (6, "tenure"),
    (6, "senior"),
    (6, "joined"),
    (7, "id"),
    (8, ""),
    (9, "id"),
    (10, "left"),
]


def clean(table: Table, mapping: Mapping = MAPPING, question: Question = QUESTION) -> tuple[Cleaning, list[Reject]]:
    rejects: list[Reject] = []
    return read(table, mapping, question, reject=rejects.append).cleaning, rejects


def columns(cleaning: Cleaning) -> dict[str, tuple[int, int, int, int]]:
    """Return of each column how many cells were as they should be, converted, missing, refused."""
    return {found.column: (found.as_is, found.converted, found.missing, found.refused) for found in cleaning.columns}


@pytest.fixture
def dirty(tmp_path: Path) -> Table:
    path = tmp_path / "dirty.csv"
    path.write_text(DIRTY, encoding="utf-8")
    return open_table(path)


def test_the_known_faults_of_a_dirty_file_are_counted_exactly(dirty: Table) -> None:  # B13
    cleaning, rejects = clean(dirty)
    assert [(reject.line, reject.field) for reject in rejects] == FAULTS
    assert (cleaning.rows.read, cleaning.rows.kept, cleaning.rows.filtered) == (10, 4, {"refused": 6})
    assert columns(cleaning) == {
        "tenure": (0, 6, 1, 2),
        "senior": (0, 7, 1, 1),
        "plan": (7, 1, 1, 0),
        "joined": (0, 7, 1, 1),
        "region": (7, 1, 1, 0),
    }


def test_it_says_what_was_made_of_what(dirty: Table) -> None:  # B13
    cleaning, _ = clean(dirty)
    assert {found.feature: found.conversion for found in cleaning.columns} == {
        "tenure_months": "text to number",
        "senior": "yes/no to true/false",
        "plan": "spaces trimmed",
        "joined": "dd/mm/yyyy to date",
        "profile.region": "spaces trimmed",
    }


def test_a_short_tenure_is_filtered_too_and_the_rows_add_up(dirty: Table) -> None:  # A10, B13
    cleaning, _ = clean(dirty, question=Question("port_out", 30, "left", "yes", min_tenure_months=3))
    assert (cleaning.rows.read, cleaning.rows.kept) == (10, 3)
    assert cleaning.rows.filtered == {"refused": 6, "short tenure": 1}


PARTS = [("area", "category", 1), ("zone", "number", 2)]
PARQUET: dict[str, tuple[Any, str, tuple[int, int, int, int], str]] = {
    "number": (pa.array([1, 2, None]), "number", (2, 0, 1, 0), ""),
    "text": (pa.array(["1", "2", ""]), "number", (0, 2, 1, 0), "text to number"),
    "decimal": (pa.array([1.1, None, 3]).cast(pa.decimal128(5, 2)), "number", (1, 1, 1, 0), "decimal to number"),
    "truth": (pa.array([True, False, None]), "boolean", (2, 0, 1, 0), ""),
    "bit": (pa.array([1, 0, None]), "boolean", (0, 2, 1, 0), "0/1 to true/false"),
    "code": (pa.array([1, 0, None]), "category", (0, 2, 1, 0), "number to text"),
    "day": (pa.array([dt.date(2026, 1, 2), None, dt.date(2026, 1, 3)]), "date", (2, 0, 1, 0), ""),
    "time": (pa.array([dt.datetime(2026, 1, 2, 3), None, None]), "date", (0, 1, 2, 0), "time to date"),  # noqa: DTZ001
    "iso": (pa.array(["2026-01-02", " 2026-01-02", None]), "date", (1, 1, 1, 0), "yyyy-mm-dd to date"),
}


@pytest.mark.parametrize("name", PARQUET)
def test_what_parquet_has_typed_is_as_it_should_be_and_the_rest_is_converted(tmp_path: Path, name: str) -> None:
    cells, kind, counts, conversion = PARQUET[name]
    path = tmp_path / "table.parquet"
    write_table(pa.table({"id": ["1", "2", "3"], "left": ["yes", "no", "no"], "x": cells}), path)
    fields = {"id": "id", "fields": {"x": {"to": "features.x", "type": kind}}, "as_of": {"date": "2026-10-31"}}
    cleaning, _ = clean(open_table(path), Mapping.model_validate(fields))
    assert columns(cleaning) == {"x": counts}
    assert cleaning.columns[0].conversion == conversion


def test_what_was_split_and_what_was_aggregated_is_counted(tmp_path: Path) -> None:  # B13
    path = tmp_path / "narrow.csv"
    path.write_text(
        "id,left,name,value\n1,yes,place,North/12\n1,yes,bill,2\n1,yes,bill,3\n2,no,place,South\n2,no,bill,1\n"
    )
    place = [{"to": f"features.{name}", "type": kind, "part": {"by": "/", "take": take}} for name, kind, take in PARTS]
    mapping = Mapping.model_validate(
        {
            "id": "id",
            "narrow": {"name": "name", "value": "value", "aggregate": "sum"},
            "fields": {"place": place, "bill": {"to": "features.bill", "type": "number"}},
        }
    )
    cleaning, _ = clean(shaped(open_table(path), mapping, tmp_path), mapping)
    assert cleaning.rows.filtered == {"refused": 1}
    assert {
        found.feature: (found.read, found.refused, found.split, found.aggregated, found.conversion)
        for found in cleaning.columns
    } == {
        "area": (2, 0, 2, 0, "part of a text"),
        "zone": (2, 1, 2, 0, "text to number"),
        "bill": (2, 0, 0, 1, "text to number"),
    }


cells = st.sampled_from(["", " ", "1", "-3", "yes", "No", "1e3", "nan", "01/02/2021", "x", " x ", "-"])
tables = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c", "d", "!"]), *[cells] * 5, st.sampled_from(["yes", "no", ""]))
)


@given(tables)
def test_the_counts_add_up_whatever_the_table_holds(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, ...]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*DIRTY.partition("\n")[0].split(",")])
        writer.writerows([*rows, ("good", "1", "", "", "", "", "yes"), ("short",)])
    cleaning, rejects = clean(open_table(path))
    assert cleaning.rows.read == len(rows) + 2 == cleaning.rows.kept + sum(cleaning.rows.filtered.values())
    assert cleaning.rows.filtered["refused"] == len({reject.line for reject in rejects})
    assert all(adds_up(found) and found.read == len(rows) + 1 for found in cleaning.columns)
    for found in cleaning.columns:
        assert found.refused == sum(reject.field == found.column for reject in rejects)


def adds_up(found: ColumnCleaning) -> bool:
    return found.read == found.as_is + found.converted + found.missing + found.refused
