"""`POST /v1/scores/batch` as Arrow streams, and as JSON, against the bare model run on the same rows."""

import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import httpx
import numpy as np
import pyarrow as pa

from app.demo.home import Demo
from app.embedded.postgres import postgres
from app.ml.active import ActiveBundles
from app.ml.columns import encode_columns
from bench.bulk import bare
from bench.cores import pin
from bench.scoring import as_caller, newest
from bench.service import PORT, Row, serving, set_up

ROWS: Final = 100_000
ITEMS: Final = 5_000
PAIRS: Final = 5
PATH: Final = f"http://127.0.0.1:{PORT}/v1/scores/batch"
ARROW: Final = "application/vnd.apache.arrow.stream"


def measure() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder, postgres(Path(folder) / "postgres") as server:
        demo = Demo(Path(folder), server.url())
        key = set_up(demo)["api_keys"]["crm"]
        with serving(demo, workers=1) as service, httpx.Client(headers=as_caller(key), timeout=60) as api:
            pin(0, service.pid)
            rows = newest(demo, key)
            table = _varied(pa.Table.from_pylist(rows))
            bundle = ActiveBundles(demo.models_dir)["port_out"]
            columns = {name: table[name].combine_chunks() for name in table.schema.names}
            matrix = encode_columns(bundle.contract, columns, ROWS, datetime.now(UTC).date()).matrix
            before = _peak(service.pid)
            pairs = [(_as_arrow(api, table), _as_json(api, rows), bare(bundle, matrix)) for _ in range(PAIRS)]
            after = _peak(service.pid)
    arrow, items, model = ([pair[side] for pair in pairs] for side in range(3))
    for what, ours, bar in (("an Arrow stream of 100,000 rows", arrow, "≥ .70"), ("JSON, 5,000 items", items, "-")):
        ratio = statistics.median(one / other for one, other in zip(ours, model, strict=True))
        rate = f"{statistics.median(ours):,.0f} rows/s"
        yield f"POST /v1/scores/batch, {what}, of the bare model's rows/s", bar, f"{ratio:.2f} ({rate})"
    yield "… the service's peak memory before and after", "-", f"{before:.0f}; {after:.0f} MiB"


def _varied(sample: pa.Table) -> pa.Table:
    """Take the sample's rows over and over, each time with other charges."""
    chance = np.random.default_rng(7)
    table = sample.take(pa.array(chance.integers(0, sample.num_rows, ROWS)))
    charges = pa.array(np.round(chance.uniform(18, 119, ROWS), 2))
    return table.set_column(table.schema.get_field_index("monthly_charges"), "monthly_charges", charges)


def _as_arrow(api: httpx.Client, table: pa.Table) -> float:
    """Return rows a second, the caller's own work not counted."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return _sent(api, sink.getvalue().to_pybytes(), ARROW, table.num_rows)


def _as_json(api: httpx.Client, rows: list[dict[str, object]]) -> float:
    items = [{"features": rows[number % len(rows)]} for number in range(ITEMS)]
    return _sent(api, json.dumps({"items": items}).encode(), "application/json", ITEMS)


def _sent(api: httpx.Client, body: bytes, media_type: str, rows: int) -> float:
    began = time.perf_counter()
    answer = api.post(PATH, content=body, headers={"content-type": media_type})
    seconds = time.perf_counter() - began
    if answer.status_code != httpx.codes.MULTI_STATUS:
        raise RuntimeError(answer.text[:500])
    return rows / seconds


def _peak(pid: int) -> float:
    [peak] = [line for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines() if line.startswith("VmHWM")]
    return int(peak.split()[1]) / 1024
