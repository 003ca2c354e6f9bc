"""A query as a table: it only reads, its types are kept, and neither it nor a value is ever shown."""

import datetime as dt
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import count
from pathlib import Path

import psycopg
import pytest

from app.db import StoreUnavailable
from app.pipelines.binding import bind
from app.pipelines.mapping import Mapping
from app.pipelines.records import Record, records
from app.pipelines.tables import Table, TableRefused, open_table

_numbers = count(1)


@pytest.fixture(scope="module")
def url(new_database: Callable[[str], str], worker_id: str) -> str:
    return new_database(f"queries_{worker_id}_{next(_numbers)}")


@pytest.fixture
def ask(url: str, tmp_path: Path) -> Callable[[str], Table]:
    def ask(query: str) -> Table:
        path = tmp_path / "query.sql"
        path.write_text(query, encoding="utf-8")
        return open_table(path, {"DATABASE_URL": url})

    return ask


@pytest.fixture
def store(url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


TYPES = """
-- One row with all types; 100 % plain SQL.
SELECT 's-' || n AS id, n AS whole, n / 2.0 AS decimal, n / 2.0::float AS float, n > 1 AS truth,
       date '2020-02-28' + n AS day, timestamptz '2020-02-29 09:30Z' AS time, nullif(n, 2)::text AS text
FROM generate_series(1, 2) n ORDER BY n;
"""


def test_the_answer_to_a_query_is_a_table_that_keeps_its_types(ask: Callable[[str], Table]) -> None:
    table = ask(TYPES)
    assert table.columns == ("id", "whole", "decimal", "float", "truth", "day", "time", "text")
    (line, first), (_, second) = table.rows()
    assert (line, first) == (
        1,
        {
            "id": "s-1",
            "whole": 1,
            "decimal": Decimal("0.5"),
            "float": 0.5,
            "truth": False,
            "day": dt.date(2020, 2, 29),
            "time": dt.datetime(2020, 2, 29, 9, 30, tzinfo=dt.UTC),
            "text": "1",
        },
    )
    assert isinstance(second, dict)
    assert (second["text"], second["truth"]) == (None, True)
    assert table.progress() == 1


def test_it_is_inferred_and_taken_like_any_table(ask: Callable[[str], Table]) -> None:
    table = ask(TYPES)
    bound = bind(Mapping.model_validate({"id": "id", "everything_else": "infer", "ignore": ["time"]}), table)
    (_, second) = records(bound, table)
    assert not isinstance(second, list)
    features = {"whole": 2.0, "decimal": 1.0, "float": 1.0, "truth": True, "day": "2020-03-01", "text": None}
    assert second[1] == Record(2, "s-2", features=features)


def test_the_services_own_snapshots_can_be_asked_for(ask: Callable[[str], Table]) -> None:
    table = ask("SELECT subscriber_id, as_of, (features->>'tenure_months')::float AS tenure FROM feature_snapshots")
    assert table.columns == ("subscriber_id", "as_of", "tenure")
    assert list(table.rows()) == []


def test_a_long_answer_is_read_as_a_stream(ask: Callable[[str], Table]) -> None:
    rows = ask("SELECT generate_series(1, 1000000000) AS n").rows()
    assert [next(rows)[0] for _ in range(5000)] == list(range(1, 5001))
    rows.close()  # type: ignore[attr-defined]  # a generator: the transaction ends here


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("DELETE FROM features", "is not one SELECT that the database understands"),
        ("DROP TABLE features", "is not one SELECT that the database understands"),
        ("SELECT 1; DROP TABLE features", "is not one SELECT that the database understands"),
        ("COMMIT", "is not one SELECT that the database understands"),
        ("WITH gone AS (DELETE FROM features RETURNING name) SELECT * FROM gone", "is not one SELECT that only reads"),
        ("SELECT name FROM features FOR UPDATE", "would change the database"),
        ("SELECT set_config('transaction_read_only', 'off', true), lo_create(0)", "would change the database"),
        ("SELECT lo_create(0)", "would change the database"),
        ("SELECT secret FROM features", "asks for a column that is not there"),
        ("SELECT 1 FROM secrets", "asks for a table that is not there"),
        ("SELEKT 'secret'", "is not one SELECT that the database understands"),
        ("SELECT 'secret'::int", "meets a value that it cannot compute with"),
        ("SELECT 1 / n FROM generate_series(-1, 1) n", "meets a value that it cannot compute with"),
        ("", "is not one SELECT that the database understands"),
    ],
)
def test_what_is_not_one_select_that_reads_is_refused_in_words_of_our_own(
    ask: Callable[[str], Table], store: psycopg.Connection, query: str, reason: str
) -> None:
    count = "SELECT count(*) FROM features"
    before = store.execute(count).fetchone()
    with pytest.raises(TableRefused) as refused:
        list(ask(query).rows())
    assert reason in refused.value.detail
    assert "query.sql" in refused.value.detail
    assert "secret" not in refused.value.detail
    assert refused.value.__suppress_context__
    assert store.execute(count).fetchone() == before


@pytest.mark.parametrize("type", ["json", "jsonb"])
def test_json_is_refused_with_a_hint(ask: Callable[[str], Table], type: str) -> None:
    with pytest.raises(TableRefused, match=r"JSON in the column 'features': select its fields .*->>") as refused:
        ask(f"SELECT 1 AS id, '{{\"a\": 1}}'::{type} AS features")
    assert "\n" not in refused.value.detail


def test_a_column_named_twice_is_refused(ask: Callable[[str], Table]) -> None:
    with pytest.raises(TableRefused, match="names the column 'id' twice"):
        ask("SELECT 1 AS id, 2 AS id")


@pytest.mark.parametrize(
    ("environment", "error", "reason"),
    [
        ({}, TableRefused, "DATABASE_URL, which names its database, is not set"),
        ({"DATABASE_URL": "secret"}, TableRefused, "is not an address"),
        ({"DATABASE_URL": "postgresql://secret@127.0.0.1:1/x"}, StoreUnavailable, "cannot be reached"),
    ],
)
def test_a_query_without_its_database_is_refused(
    tmp_path: Path, environment: dict[str, str], error: type[Exception], reason: str
) -> None:
    (tmp_path / "query.sql").write_text("SELECT 1")
    with pytest.raises(error, match=reason) as refused:
        open_table(tmp_path / "query.sql", environment)
    assert "secret" not in str(refused.value)


def test_only_a_query_needs_a_database(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("id\n1\n")
    assert open_table(tmp_path / "table.csv", {}).columns == ("id",)


def test_a_query_that_is_not_utf_8_is_refused(tmp_path: Path, url: str) -> None:
    (tmp_path / "query.sql").write_bytes(b"SELECT 'Z\xfcrich'")
    with pytest.raises(TableRefused, match=r"query\.sql is not UTF-8"):
        open_table(tmp_path / "query.sql", {"DATABASE_URL": url})
