"""Reports as text."""

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from app.domain.tables import as_csv, as_markdown

texts = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=20)


@given(st.lists(st.tuples(texts, st.integers()), max_size=5))
def test_a_table_reads_back_and_runs_no_formula(rows: list[tuple[str, int]]) -> None:
    found = list(csv.DictReader(io.StringIO(as_csv(("a", "b"), [{"a": a, "b": b} for a, b in rows]))))

    assert [(row["a"].removeprefix("'"), int(row["b"])) for row in found] == [(a.removeprefix("'"), b) for a, b in rows]
    assert not [row for row in found if row["a"].startswith(("=", "+", "-", "@"))]


def test_a_letter_keeps_its_columns() -> None:
    assert as_markdown(("a", "b"), [{"a": "x|y", "b": None}, {"a": "z", "b": 0.12345}]) == (
        "| a | b |\n| --- | --- |\n| x\\|y | – |\n| z | 0.123 |\n"
    )
