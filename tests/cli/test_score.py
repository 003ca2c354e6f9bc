"""score: every row of a table comes out once, scored with its reasons or refused with one."""

import csv
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from app.ml import scorer
from app.ml.active import ActiveBundles
from app.ml.bundle import Bundle, load_bundle
from app.ml.drivers import drivers
from app.ml.features import encode
from app.pipelines.mapping import read_mapping
from app.pipelines.records import Record, records
from app.pipelines.tables import open_table
from tests.cli.command import Command
from tests.factories.models import TELCO_MAPPING

COLUMNS = [
    "id",
    "probability",
    "band",
    *(f"driver_{n}" for n in range(1, 6)),
    *(f"contribution_{n}" for n in range(1, 6)),
]
ROWS = 500
INFER = """\
id: rownames
fields:
  tenure:         {to: features.tenure_months, type: number}
  senior_citizen: {to: features.senior, type: boolean}
everything_else: infer
"""
BAD = {17: {"tenure": "long"}, 40: {"monthly_charges": "-1"}, 41: {"rownames": "not an id"}}


@pytest.fixture(scope="module")
def folder(telco_csv: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the first rows of the public sample, and the same with three bad ones."""
    folder = tmp_path_factory.mktemp("scoring")
    with telco_csv.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))[:ROWS]
    write(folder / "good.csv", rows)
    write(folder / "bad.csv", [row | BAD.get(number, {}) for number, row in enumerate(rows)])
    write(folder / "none.csv", [row | {"tenure": "long"} for row in rows[:3]])
    write(folder / "narrower.csv", [{name: row[name] for name in ("rownames", "contract")} for row in rows])
    (folder / "infer.yaml").write_text(INFER)
    return folder


@pytest.fixture(scope="module")
def model(models_dir: Path) -> Path:
    bundle = ActiveBundles(models_dir)["port_out"].manifest
    return models_dir / bundle.name / bundle.version


def write(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def command(model: Path, table: str, out: str, mapping: object = TELCO_MAPPING, *more: object) -> list[object]:
    return ["score", table, "--mapping", mapping, "--bundle", model, "--out", out, *more]


def expected(bundle: Bundle, record: Record) -> dict[str, Any]:
    values = {name: value for name, value in record.features.items() if name in bundle.contract.raw}
    scores = scorer.score(bundle, encode(bundle.contract, values))
    [(named, _)] = drivers(bundle, [values], scores.contributions, [5])
    return {
        "probability": float(scores.probability[0]),
        "drivers": [driver.feature for driver in named],
        "contributions": [driver.contribution for driver in named],
    }


def test_every_row_is_scored_as_the_service_scores_it(folder: Path, model: Path) -> None:
    # C11, C13, C14
    told = Command(folder, {}).succeeds(*command(model, "good.csv", "scores.csv"))
    assert told == f"{ROWS} rows read = {ROWS} scored + 0 refused\n"
    scored = read(folder / "scores.csv")
    assert list(scored[0]) == COLUMNS
    bundle = load_bundle(model)
    for row, taken in zip(scored, records(read_mapping(TELCO_MAPPING), open_table(folder / "good.csv")), strict=True):
        assert not isinstance(taken, list)
        should = expected(bundle, taken[1])
        assert row["id"] == taken[1].subscriber_id
        assert float(row["probability"]) == pytest.approx(should["probability"], abs=1e-12)
        assert [row[f"driver_{n}"] for n in range(1, 6)] == should["drivers"]
        found = [float(row[f"contribution_{n}"]) for n in range(1, 6)]
        assert found == pytest.approx(should["contributions"], abs=1e-12)


def test_what_goes_in_comes_out_or_is_refused_with_its_reason(folder: Path, model: Path) -> None:
    # C11
    told = Command(folder, {}).succeeds(
        *command(model, "bad.csv", "some.parquet", TELCO_MAPPING, "--rejects", "refused.csv")
    )
    assert told.startswith(f"{ROWS} rows read = {ROWS - 3} scored + 3 refused\n")
    assert parquet.read_table(folder / "some.parquet").num_rows == ROWS - 3
    refused = read(folder / "refused.csv")
    assert [(row["line"], row["field"]) for row in refused] == [
        ("19", "tenure"),
        ("42", "monthly_charges"),
        ("43", "rownames"),
    ]


def test_inferred_columns_are_read_as_the_model_was_trained_on_them(folder: Path, model: Path) -> None:
    Command(folder, {}).succeeds(*command(model, "good.csv", "inferred.csv", "infer.yaml"))
    Command(folder, {}).succeeds(*command(model, "good.csv", "named.csv"))
    assert read(folder / "inferred.csv") == read(folder / "named.csv")


def test_a_table_without_what_the_model_needs_is_refused_by_name(folder: Path, model: Path) -> None:
    (folder / "little.yaml").write_text("id: rownames\neverything_else: infer\n")
    line = Command(folder, {}).fails(*command(model, "narrower.csv", "nothing.csv", "little.yaml"))
    assert "the model needs" in line


@pytest.mark.parametrize(
    ("table", "out", "sentence"),
    [
        ("good.csv", "scores.txt", "is neither .csv nor .parquet"),
        ("good.csv", "good.csv", "would overwrite"),
        ("none.csv", "nothing.csv", "no row of the table could be scored"),
        ("gone.csv", "nothing.csv", "is not a file"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line_and_nothing_is_written(
    folder: Path, model: Path, table: str, out: str, sentence: str
) -> None:
    before = (folder / "good.csv").read_bytes()
    assert sentence in Command(folder, {}).fails(*command(model, table, out))
    assert not (folder / "nothing.csv").exists()
    assert not list(folder.glob(".*"))
    assert (folder / "good.csv").read_bytes() == before


def test_a_bundle_that_is_none_is_refused(folder: Path) -> None:
    assert "manifest.json" in Command(folder, {}).fails(*command(folder, "good.csv", "nothing.csv"))
