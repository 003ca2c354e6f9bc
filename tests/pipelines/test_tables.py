"""Tables as they come: whatever is in them, each row is read or said to be bad."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from app.pipelines.tables import BadRow, Row, TableRefused, open_table


@pytest.fixture
def csv(tmp_path: Path) -> Callable[[bytes], Path]:
    """Write bytes as a CSV file."""

    def write(content: bytes) -> Path:
        path = tmp_path / "table.csv"
        path.write_bytes(content)
        return path

    return write


def rows_of(path: Path) -> list[tuple[int, Row | BadRow]]:
    return list(open_table(path).rows())


def good_rows(path: Path) -> list[Row]:
    return [row for _, row in rows_of(path) if not isinstance(row, BadRow)]


def bad_rows(path: Path) -> dict[int, str]:
    return {line: row.reason for line, row in rows_of(path) if isinstance(row, BadRow)}


# ── CSV ──


def test_each_row_comes_with_its_line_as_an_editor_counts(csv: Callable[[bytes], Path]) -> None:
    path = csv(b"id,tenure\n1,12\n2,24\n")
    assert rows_of(path) == [(2, {"id": "1", "tenure": "12"}), (3, {"id": "2", "tenure": "24"})]


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"])
def test_any_line_ending_will_do_and_the_last_may_be_missing(csv: Callable[[bytes], Path], ending: bytes) -> None:
    path = csv(ending.join([b"id,tenure", b"1,12", b"2,24"]))
    assert [(line, row) for line, row in rows_of(path)] == [
        (2, {"id": "1", "tenure": "12"}),
        (3, {"id": "2", "tenure": "24"}),
    ]


@pytest.mark.parametrize("sign", [b",", b";", b"\t", b"|"])
def test_the_header_tells_what_parts_the_cells(csv: Callable[[bytes], Path], sign: bytes) -> None:
    path = csv(b'"id%sname"%stown\n1%s"Berlin, Mitte; 2"\n' % (sign, sign, sign))
    assert good_rows(path) == [{f"id{sign.decode()}name": "1", "town": "Berlin, Mitte; 2"}]


def test_a_byte_order_mark_is_no_part_of_the_first_column(csv: Callable[[bytes], Path]) -> None:
    path = csv(b"\xef\xbb\xbfid,tenure\n1,12\n")
    assert open_table(path).columns == ("id", "tenure")
    assert good_rows(path) == [{"id": "1", "tenure": "12"}]


def test_a_quoted_field_may_hold_commas_quotes_and_new_lines(csv: Callable[[bytes], Path]) -> None:
    path = csv(b'id,note\n1,"a, ""b""\nand c"\n2,plain\n')
    (first, row), (second, _) = rows_of(path)
    assert row == {"id": "1", "note": 'a, "b"\nand c'}
    assert first in {2, 3}
    assert second == 4


def test_a_row_with_too_few_or_too_many_fields_is_bad_alone(csv: Callable[[bytes], Path]) -> None:
    path = csv(b"id,tenure\n1,12\n2\n3,36,x\n4,48\n")
    assert [row["id"] for row in good_rows(path)] == ["1", "4"]
    assert bad_rows(path) == {3: "has 1 fields where the header has 2", 4: "has 3 fields where the header has 2"}


def test_a_quote_that_is_never_closed_costs_its_own_row_and_not_the_table(csv: Callable[[bytes], Path]) -> None:
    rows = b"".join(b"%d,Zurich\n" % number for number in range(100_000, 120_000))
    path = csv(b'id,town\n1,Bern\n2,"Basel\n' + rows)
    assert good_rows(path)[0] == {"id": "1", "town": "Bern"}
    assert 3 <= min(bad_rows(path)) <= 20_003


def test_an_endless_field_is_bad_alone(csv: Callable[[bytes], Path]) -> None:
    path = csv(b"id,town\n1,Bern\n2," + b"x" * 200_000 + b"\n3,Basel\n")
    assert [row["id"] for row in good_rows(path)] == ["1", "3"]
    assert list(bad_rows(path)) == [3]


def test_bytes_that_are_not_utf_8_leave_the_other_rows_readable(csv: Callable[[bytes], Path]) -> None:
    path = csv("id,town\n1,Zürich\n".encode() + b"2,Z\xfcrich\n3,Bern\n")
    towns = [row["town"] for row in good_rows(path)]
    assert (towns[0], towns[2]) == ("Zürich", "Bern")
    assert towns[1].encode("utf-8", "surrogateescape") == b"Z\xfcrich"


def test_a_header_alone_is_a_table_without_rows(csv: Callable[[bytes], Path]) -> None:
    assert rows_of(csv(b"id,tenure\n")) == []


def test_a_table_may_be_read_again(csv: Callable[[bytes], Path]) -> None:
    table = open_table(csv(b"id\n1\n2\n"))
    assert list(table.rows()) == list(table.rows())


def test_progress_ends_at_one(csv: Callable[[bytes], Path]) -> None:
    table = open_table(csv(b"id\n" + b"1\n" * 10))
    seen = [table.progress() for _ in table.rows()]
    assert all(0 <= done <= 1 for done in seen)
    assert table.progress() == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no header line"),
        (b"\n1,2\n", "no header line"),
        (b",\n1,2\n", "no header line"),
        (b"id,tenure,id\n1,2,3\n", "names the column 'id' twice"),
        (b"id,z\xfcrich\n1,2\n", "names column 2 in bytes that are not UTF-8"),
        ("id,a\n1,2\n".encode("utf-16"), "names column 1 in bytes that are not UTF-8"),
    ],
)
def test_a_csv_file_without_a_usable_header_is_refused(
    csv: Callable[[bytes], Path], content: bytes, reason: str
) -> None:
    with pytest.raises(TableRefused, match=reason):
        open_table(csv(content))


def test_what_is_no_table_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(TableRefused, match=r"gone\.csv is not a file"):
        open_table(tmp_path / "gone.csv")
    with pytest.raises(TableRefused, match="is not a file"):
        open_table(tmp_path)
    (tmp_path / "table.xlsx").touch()
    with pytest.raises(TableRefused, match=r"table\.xlsx is neither \.csv nor \.parquet nor \.sql"):
        open_table(tmp_path / "table.xlsx")


# ── Parquet ──


@pytest.fixture
def parquet_of(tmp_path: Path) -> Callable[[Any], Path]:
    """Write an Arrow table as a Parquet file."""

    def write(table: Any) -> Path:
        path = tmp_path / "table.parquet"
        parquet.write_table(table, path)
        return path

    return write


def test_parquet_rows_keep_their_types_and_their_nulls(parquet_of: Callable[[Any], Path]) -> None:
    path = parquet_of(
        pa.table(
            {
                "id": pa.array([1, 2], pa.int64()),
                "joined": pa.array([dt.date(2020, 2, 29), None], pa.date32()),
                "seen": pa.array([dt.datetime(2026, 10, 31, 9, 30), None], pa.timestamp("us")),  # noqa: DTZ001  # a table's times may have no zone
                "senior": pa.array([True, None]),
                "charges": pa.array([Decimal("29.85"), None], pa.decimal128(10, 2)),
                "contract": pa.array(["One year", None]).dictionary_encode(),
            }
        )
    )
    (first, row), (second, nulls) = rows_of(path)
    assert (first, second) == (1, 2)
    assert row == {
        "id": 1,
        "joined": dt.date(2020, 2, 29),
        "seen": dt.datetime(2026, 10, 31, 9, 30),  # noqa: DTZ001  # as above
        "senior": True,
        "charges": Decimal("29.85"),
        "contract": "One year",
    }
    assert nulls == dict.fromkeys(row, None) | {"id": 2}


def test_a_parquet_file_of_several_batches_is_read_whole(parquet_of: Callable[[Any], Path]) -> None:
    table = open_table(parquet_of(pa.table({"id": list(range(10_000))})))
    assert [(line, row) for line, row in table.rows() if not isinstance(row, BadRow) and row["id"] != line - 1] == []
    assert table.progress() == 1


def test_a_parquet_file_without_rows_is_a_table_without_rows(parquet_of: Callable[[Any], Path]) -> None:
    assert rows_of(parquet_of(pa.table({"id": pa.array([], pa.string())}))) == []


def test_a_parquet_file_that_names_a_column_twice_is_refused(parquet_of: Callable[[Any], Path]) -> None:
    path = parquet_of(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["id", "id"]))
    with pytest.raises(TableRefused, match="names the column 'id' twice"):
        open_table(path)


def test_what_only_calls_itself_parquet_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    path.write_bytes(b"id,tenure\n1,12\n")
    with pytest.raises(TableRefused, match="is not a Parquet file"):
        open_table(path)


def test_a_parquet_file_damaged_inside_is_refused_when_the_damage_is_met(parquet_of: Callable[[Any], Path]) -> None:
    path = parquet_of(pa.table({"id": [f"s-{number * 7919}" for number in range(20_000)]}))
    content = bytearray(path.read_bytes())
    content[200:4000] = b"\xff" * 3800
    path.write_bytes(content)
    with pytest.raises(TableRefused, match=r"table\.parquet"):
        rows_of(path)


def test_a_parquet_file_whose_texts_are_not_utf_8_is_refused_when_they_are_met(
    parquet_of: Callable[[Any], Path],
) -> None:
    offsets = pa.array([0, 4, 10], pa.int32()).buffers()[1]
    towns = pa.Array.from_buffers(pa.string(), 2, [None, offsets, pa.py_buffer(b"BernZ\xfcrich")])
    path = parquet_of(pa.table({"town": towns}))
    with pytest.raises(TableRefused, match=r"table\.parquet"):
        rows_of(path)
