"""train: a table becomes a bundle, or nothing at all is written and one line says why."""

import csv
from pathlib import Path

import pytest

from app.ml.bundle import load_bundle
from app.ml.registry import active_bundles
from tests.cli.command import Command

MAPPING = """\
id: rownames
fields:
  tenure:           {to: features.tenure_months, type: number, unit: months, min: 0}
  monthly_charges:  {to: features.monthly_charges, type: number, min: 0}
  contract:         {to: features.contract, type: category}
"""
ROWS = 300
GOOD = {"--mapping": "mapping.yaml", "--target": "churn", "--positive": "Yes", "--out": "models", "--folds": 1}


@pytest.fixture(scope="module")
def folder(telco_csv: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the first rows of the public sample, several spoilt versions of them, and mappings."""
    folder = tmp_path_factory.mktemp("training")
    with telco_csv.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))[:ROWS]
    tables = {
        "table": rows,
        "stayed": [row | {"churn": "No"} for row in rows],
        "left": [row | {"churn": "Yes"} for row in rows],
        "spoilt": [row | ({"tenure": "long"} if number == 40 else {}) for number, row in enumerate(rows)],
        "few": rows[:8],
        "unlabelled": [*rows[:7], rows[7] | {"churn": ""}],
        "none": [],
    }
    for name, table in tables.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(table)
    (folder / "mapping.yaml").write_text(MAPPING)
    (folder / "leaky.yaml").write_text(MAPPING + "  churn: {to: features.churn, type: boolean}\n")
    (folder / "absent.yaml").write_text(MAPPING.replace("contract:", "contrat:"))
    return folder


def options(table: str = "table.csv", **others: object) -> list[object]:
    given = GOOD | {f"--{name.replace('_', '-')}": value for name, value in others.items()}
    return ["train", table, *(part for option in given.items() for part in option)]


@pytest.mark.parametrize(
    ("table", "wrong", "sentence"),
    [
        ("table.csv", {"target": "left"}, "the table has no column 'left' to learn from"),
        ("table.csv", {"positive": "gone"}, "no row has the value 'gone' in the column 'churn'"),
        ("left.csv", {}, "the same label"),
        ("stayed.csv", {}, "no row has the value 'Yes' in the column 'churn'"),
        ("table.csv", {"kind": "boredom"}, "--kind boredom is none of port_out, downgrade, arpu_decline"),
        ("spoilt.csv", {}, "line 42: tenure is not a number"),
        ("few.csv", {}, "the table is too small"),
        ("none.csv", {}, "no rows"),
        ("table.csv", {"horizon_days": 0}, "horizon_days"),
        ("table.csv", {"mapping": "absent.yaml"}, "names the column 'contrat'"),
        ("table.csv", {"mapping": "gone.yaml"}, "gone.yaml cannot be read"),
        ("gone.csv", {}, "gone.csv is not a file"),
    ],
)
def test_what_cannot_be_learned_from_is_said_in_one_line_and_nothing_is_written(
    folder: Path, table: str, wrong: dict[str, object], sentence: str
) -> None:
    line = Command(folder, {}).fails(*options(table, **wrong | {"out": "refused"}))
    assert sentence in line
    assert not (folder / "refused").exists()


def test_a_row_whose_label_is_unknown_is_not_taken_for_one_who_stayed(folder: Path) -> None:
    line = Command(folder, {}).fails(*options("unlabelled.csv", out="refused"))
    assert "line 9: churn" in line


def test_the_target_is_never_one_of_the_features(folder: Path) -> None:
    # A model that is told the answer is of no use, however well it does.
    line = Command(folder, {}).fails(*options("few.csv", mapping="leaky.yaml", out="refused"))
    assert "'churn'" in line


@pytest.mark.slow
def test_a_table_becomes_a_bundle_that_loads_and_is_active_if_asked_to_be(folder: Path) -> None:
    wish = options(label_note="why they left is unknown", horizon_days=45)
    told = Command(folder, {}).succeeds(*wish, "--activate")
    path = Path(told.removesuffix("\n"))
    manifest = load_bundle(folder / path).manifest
    assert path == Path("models/churn") / manifest.version
    assert (manifest.name, manifest.churn_kind, manifest.horizon_days) == ("churn", "port_out", 45)
    assert manifest.label_note == "why they left is unknown"
    assert {feature.name for feature in manifest.features} == {"tenure_months", "monthly_charges", "contract"}
    assert manifest.training.rows == ROWS
    assert active_bundles(folder / "models")["port_out"].manifest == manifest


def test_the_schema_that_was_inferred_is_a_mapping_to_be_corrected(folder: Path) -> None:
    (folder / "infer.yaml").write_text("id: rownames\neverything_else: infer\n")
    told = Command(folder, {}).succeeds(*options(mapping="infer.yaml"), "--show-schema")
    (folder / "shown.yaml").write_text(told)
    again = Command(folder, {}).succeeds(*options(mapping="shown.yaml"), "--show-schema")
    assert again == told
    assert "to: features.monthly_charges" in told
    assert "churn" not in told
