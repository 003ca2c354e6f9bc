"""Rows as a Parquet file."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import pyarrow as pa
from pyarrow import parquet


def as_parquet(columns: Mapping[str, type], rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Write rows as Parquet; `columns` gives each column's type: str, float, bool or date, and any may be null."""
    types = {str: pa.string(), float: pa.float64(), bool: pa.bool_(), date: pa.date32()}
    schema = pa.schema([(name, types[kind]) for name, kind in columns.items()])
    sink = pa.BufferOutputStream()
    parquet.write_table(pa.Table.from_pylist(list(rows), schema), sink)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]  # bytes
