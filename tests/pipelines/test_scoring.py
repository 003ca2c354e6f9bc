"""A table that is stored by columns is scored by columns, and says what it says row by row."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from app.ml.active import ActiveBundles
from app.ml.bundle import Bundle
from app.pipelines.binding import bind
from app.pipelines.mapping import Mapping, read_mapping
from app.pipelines.records import Reject
from app.pipelines.scoring import Scoring, Tally, fit_to, score_table
from app.pipelines.tables import Table, open_table
from tests.factories.models import TELCO_MAPPING

COLUMNS: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "rownames": (pa.string(), st.sampled_from(["1", "22", " 3 ", "no id", "", "x-4"])),
    "tenure": (pa.float64(), st.sampled_from([0.0, 1.0, 72.0, -1.0, 1e39, float("nan")])),
    "senior_citizen": (pa.int64(), st.sampled_from([0, 1, 2])),
    "partner": (pa.string(), st.sampled_from(["Yes", "No", "maybe", " yes "])),
    "contract": (pa.string(), st.sampled_from(["Month-to-month", "One year", "For life", " Two year", "a\0"])),
    "monthly_charges": (pa.string(), st.sampled_from(["70.35", "1,020.5", "dear", " 18.8", "-3"])),
    "total_charges": (pa.float32(), st.sampled_from([0.1, 820.5, 1e30])),
}
Said = tuple[list[dict[str, Any]], list[Reject], Tally]


@pytest.fixture(scope="module")
def bundle(models_dir: Path) -> Bundle:
    return ActiveBundles(models_dir)["port_out"]


@pytest.fixture(scope="module")
def sample(telco_csv: Path) -> dict[str, Any]:
    """A row of the public sample."""
    _, row = next(iter(open_table(telco_csv).rows()))
    assert isinstance(row, dict)
    return row


def said(bundle: Bundle, mapping: Mapping, table: Table) -> Said:
    answers: list[dict[str, Any]] = []
    rejects: list[Reject] = []
    bound = fit_to(bundle, bind(mapping, table))
    write = lambda batch: answers.extend(batch.to_pylist())  # noqa: E731  # a line is enough
    day = date(2026, 10, 31)
    return answers, rejects, score_table(Scoring(bundle, table, bound, day, write, rejects.append, lambda _: None))


def assert_same(by_columns: Said, by_rows: Said) -> None:
    assert by_columns[1:] == by_rows[1:]
    for one, other in zip(by_columns[0], by_rows[0], strict=True):
        assert one == pytest.approx(other, abs=1e-12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.fixed_dictionaries({name: st.none() | cells for name, (_, cells) in COLUMNS.items()}), min_size=1),
    st.booleans(),
)
def test_by_columns_it_says_what_it_says_by_rows(
    bundle: Bundle, sample: dict[str, Any], tmp_path: Path, rows: list[dict[str, Any]], as_dictionaries: Any
) -> None:
    arrays = {name: pa.array([row[name] for row in rows], kind) for name, (kind, _) in COLUMNS.items()}
    others = {name: pa.array([cell] * len(rows)) for name, cell in sample.items() if name not in COLUMNS}
    columns = {
        name: array.dictionary_encode() if as_dictionaries else array for name, array in (others | arrays).items()
    }
    path = tmp_path / "table.parquet"
    parquet.write_table(pa.table(columns), path)
    mapping, table = read_mapping(TELCO_MAPPING), open_table(path)

    assert_same(said(bundle, mapping, table), said(bundle, mapping, replace(table, batches=None)))


def test_a_long_table_comes_out_in_its_order(bundle: Bundle, sample: dict[str, Any], tmp_path: Path) -> None:
    rows = 50_000
    columns = {name: pa.array([cell] * rows) for name, cell in sample.items()}
    columns["rownames"] = pa.array([str(row) if row % 7 else "no id" for row in range(rows)])
    parquet.write_table(pa.table(columns), tmp_path / "table.parquet")
    answers, rejects, tally = said(bundle, read_mapping(TELCO_MAPPING), open_table(tmp_path / "table.parquet"))

    assert [answer["id"] for answer in answers] == [str(row) for row in range(rows) if row % 7]
    assert [reject.line for reject in rejects] == [row + 1 for row in range(0, rows, 7)]
    assert (tally.read, tally.scored, tally.refused) == (rows, len(answers), len(rejects))
