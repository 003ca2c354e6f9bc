"""`stayline score`, Parquet to Parquet with drivers, against the bare model run on the same rows."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv, parquet

from app.demo import telco
from app.ml.active import ActiveBundles
from app.ml.bundle import Bundle
from app.ml.columns import encode_columns
from app.ml.scorer import CHUNK
from app.ml.session import INPUT, OUTPUTS
from app.pipelines import plain
from app.pipelines.binding import bind
from app.pipelines.mapping import read_mapping
from app.pipelines.scoring import fit_to
from app.pipelines.tables import open_table
from bench.service import Row

MAPPING: Final = Path(telco.__file__).with_name("telco.yaml")
ROWS: Final = 2_000_000
PAIRS: Final = 3
SAMPLE: Final = 200_000
BASE: Final = 20_000_000
GROUP: Final = 100_000


class Run(NamedTuple):
    seconds: float
    peak_mib: float


def measure() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        bundle_dir = trained(folder)
        bundle = ActiveBundles(folder / "models")["port_out"]
        sizes = {ROWS: folder / "all.parquet", ROWS // 10: folder / "tenth.parquet"}
        for rows, path in sizes.items():
            write(path, folder / "telco.csv", rows)
        matrix = encoded(bundle, sizes[ROWS // 10])[:SAMPLE]
        pairs = [(bare(bundle, matrix), score(sizes[ROWS], bundle_dir, folder)) for _ in range(PAIRS)]
        one_core = [(bare(bundle, matrix), score(sizes[ROWS // 10], bundle_dir, folder, cores=1)) for _ in range(PAIRS)]
        small = score(sizes[ROWS // 10], bundle_dir, folder)
    least = min(run.seconds for _, run in pairs)
    started = small.seconds - (least - small.seconds) / 9  # what a run takes before its first row
    ratios = [ROWS // 10 / (run.seconds - started) / rate for rate, run in one_core]
    yield "score, Parquet to Parquet, of the bare model's rows/s, one core", "≥ .70", f"{statistics.median(ratios):.2f}"
    yield "… the bare model, rows/s a core", "-", f"{statistics.median(rate for rate, _ in pairs):,.0f}"
    yield f"… {ROWS:,} rows on {os.cpu_count()} cores", "-", f"{statistics.median(r.seconds for _, r in pairs):.1f} s"
    yield f"… {BASE:,} rows, extrapolated", "≤ 180 s", f"{BASE / ROWS * (least - started) + started:.0f} s"
    yield (
        "… peak memory; with a tenth of the rows",
        "≤ 1,024 MiB",
        f"{pairs[0][1].peak_mib:.0f}; {small.peak_mib:.0f} MiB",
    )


def trained(folder: Path) -> Path:
    """Train the demo's model on the sample, which is left beside it."""
    telco.write(folder / "telco.csv")
    told = ["--target", "churn", "--positive", "Yes", "--folds", "1", "--keep-held-out", "--quiet", "--activate"]
    files: list[str | Path] = [folder / "telco.csv", "--mapping", MAPPING, "--out", folder / "models"]
    subprocess.run([sys.executable, "-m", "app", "train", *files, *told], check=True, stdout=subprocess.DEVNULL)
    [bundle] = (folder / "models").glob("*/*/manifest.json")
    return bundle.parent


def write(path: Path, sample: Path, rows: int) -> None:
    """Write the sample's rows over and over, each time with other charges: as many different rows as that gives."""
    source = csv.read_csv(sample)
    id, charges = (source.schema.get_field_index(name) for name in ("rownames", "monthly_charges"))
    chance = np.random.default_rng(7)
    with parquet.ParquetWriter(path, source.schema) as file:
        for start in range(0, rows, GROUP):
            count = min(GROUP, rows - start)
            part = source.take(pa.array(chance.integers(0, source.num_rows, count)))
            part = part.set_column(charges, "monthly_charges", pa.array(np.round(chance.uniform(18, 119, count), 2)))
            file.write_table(part.set_column(id, "rownames", pa.array(np.arange(start, start + count))))


def encoded(bundle: Bundle, path: Path) -> NDArray[np.float32]:
    """Every row of a table as the model's input."""
    table = open_table(path)
    reader = plain.Reader(fit_to(bundle, bind(read_mapping(MAPPING), table)))
    today = datetime.now(UTC).date()
    assert table.batches
    parts = [
        encode_columns(bundle.contract, reader.read(batch).features, len(batch), today).matrix
        for _, batch in table.batches()
    ]
    return np.concatenate(parts)


def bare(bundle: Bundle, matrix: NDArray[np.float32]) -> float:
    """Rows a second of the model alone, on one core, in the pieces in which the product asks it."""
    begun = time.perf_counter()
    for at in range(0, len(matrix), CHUNK):
        bundle.session.run(OUTPUTS, {INPUT: matrix[at : at + CHUNK]})
    return len(matrix) / (time.perf_counter() - begun)


def score(table: Path, bundle: Path, folder: Path, cores: int | None = None) -> Run:
    command: list[str | Path] = [sys.executable, "-m", "app", "score", table, "--mapping", MAPPING, "--bundle", bundle]
    used = ["taskset", "-c", ",".join(map(str, range(cores)))] if cores else []
    begun = time.perf_counter()
    process = subprocess.Popen([*used, *command, "--out", folder / "out.parquet"], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError("the table was not scored")
    return Run(time.perf_counter() - begun, usage.ru_maxrss / 1024)
