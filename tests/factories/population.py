"""The rows that the test's model was trained on, as a CRM would send them."""

from pathlib import Path
from typing import Any

import httpx

from app.ml.training.dataset import split
from app.pipelines.binding import bind
from app.pipelines.labelled import read
from app.pipelines.mapping import read_mapping
from app.pipelines.questions import Question
from app.pipelines.tables import open_table
from tests.factories.bodies import at_once

Row = dict[str, Any]


def training_rows(table: Path, mapping: Path, every: int) -> list[Row]:
    """Return each `every`th training row by the model's feature names."""
    opened = open_table(table)
    question = Question("port_out", 30, "churn", "Yes")
    training, _ = split(read(opened, bind(read_mapping(mapping), opened), question).dataset)
    names = [name for name in training.columns if name != "female"]
    rows = range(0, len(training.ids), every)
    return [{name: training.columns[name][row] for name in names} for row in rows]


def score_all(api: httpx.Client, rows: list[Row]) -> None:
    """Score all rows, a few at a time."""
    shares = [rows[start::4] for start in range(4)]
    for statuses in at_once(4, lambda share: {_score(api, row) for row in shares[share]}):
        assert statuses == {200}


def _score(api: httpx.Client, row: Row) -> int:
    return api.post("/v1/scores", json={"features": row}).status_code
