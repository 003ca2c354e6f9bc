"""Tables and mappings, as files or in memory."""

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from app.pipelines.tables import Table, open_table

TableOf = Callable[[Mapping[str, Sequence[str]]], Table]


@pytest.fixture
def table_of(tmp_path: Path) -> TableOf:
    """Write columns as a CSV file and open it; the first row is line 2."""

    def write(columns: Mapping[str, Sequence[Any]], name: str = "table.csv") -> Table:
        path = tmp_path / name
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([list(columns), *zip(*columns.values(), strict=True)])
        return open_table(path)

    return write
