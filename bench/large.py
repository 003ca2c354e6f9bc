"""A table of 200,000 subscribers and 40 columns, read, trained on, compared and reported by the command line."""

import csv
import tempfile
from pathlib import Path

import numpy as np

from bench.models import Row, train

ROWS, NUMBERS, TEXTS = 200_000, 30, 10
LEVELS = np.array(["north", "east", "south", "west", "centre", "coast", "islands"])


def measure() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "table.csv"
        _write(table)
        seconds, gib, bundle = train(table, "yes", Path(folder) / "models")
        size = (bundle / "model.onnx").stat().st_size / 1e6
    return [
        (f"{ROWS:,} × {NUMBERS + TEXTS}: train, compare and report", "≤ 15 min", f"{seconds / 60:.1f} min"),
        ("… its peak memory", "≤ 6 GiB", f"{gib:.1f} GiB"),
        ("… size of the model", "≤ 1 MB", f"{size:.2f} MB"),
    ]


def _write(path: Path) -> None:
    random = np.random.default_rng(1)
    numbers = random.normal(size=(ROWS, NUMBERS)).round(4)
    texts = random.integers(0, len(LEVELS), size=(ROWS, TEXTS))
    risk = -2 + 0.6 * numbers[:, 0] + np.sin(numbers[:, 1]) + 0.4 * numbers[:, 2] * numbers[:, 3]
    chance = 1 / (1 + np.exp(-risk - 0.9 * (texts[:, 0] == 0)))
    churn = np.where(random.random(ROWS) < chance, "yes", "no")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["rownames", *(f"n{i}" for i in range(NUMBERS)), *(f"t{i}" for i in range(TEXTS)), "churn"])
        for row in range(ROWS):
            writer.writerow([row, *numbers[row].tolist(), *LEVELS[texts[row]].tolist(), churn[row]])
