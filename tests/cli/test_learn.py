"""simulate and learn, from the outside: a world is made, its trial is learned from, bad logs get one line each."""

import csv
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cli.command import Command
from tests.factories.experiments import CONTROL, coin

ARMS = ("none", "discount", "handset", "repair", "plan")
CHANCES = [word for arm in ARMS for word in ("--propensity", f"{arm}=p_{arm}")]
TOLD = ["--arm", "arm", "--control", "none", "--target", "left", "--positive", "yes", "--given-on", "treated_on"]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    Command(folder, {}).succeeds("simulate", "--out", "world", "--subscribers", 2800, "--seed", 3)
    return folder / "world"


@pytest.fixture
def stayline(tmp_path: Path) -> Command:
    return Command(tmp_path, {})


def trial(world: Path, name: str = "trial") -> list[object]:
    return ["learn", world / f"{name}.parquet", "--mapping", world / f"{name}.yaml", "--out", "models", *TOLD]


@pytest.mark.slow
def test_a_trial_becomes_a_bundle_with_a_drawn_report(stayline: Command, world: Path) -> None:
    """Requirement J11: which action changes what for whom is learned, measured and said."""
    truth = ["--became-on", "left_on", "--truth", world / "truth.parquet", "--activate", "--folds", 2]
    directory = Path(stayline.succeeds(*trial(world), *CHANCES, *truth).strip())
    report = json.loads((stayline.folder / directory / "report.json").read_text())
    page = (stayline.folder / directory / "report.html").read_text()

    assert set(report["uplift"]["arms"]) == set(ARMS[1:])
    assert [one["name"] for one in report["standings"]] == ["uplift", "risk", "everyone", "random"]
    assert report["oracle"]["oracle"][10] >= report["oracle"]["uplift"][10]
    assert "treated_on" not in report["features"]
    assert "This is a simulated world" in page
    assert "everyone gets the best single arm" in page
    assert "<script" not in page
    pointer = json.loads((stayline.folder / "models" / "active.json").read_text())
    assert pointer["uplift"]["version"] == directory.name
    assert "uplift" in stayline.succeeds("models", "list", STAYLINE_MODELS_DIR="models")


def test_a_log_without_propensities_is_refused_or_taken_with_a_warning(stayline: Command) -> None:
    dataset, said = coin(1000)
    rows = zip(dataset.ids, *dataset.columns.values(), said["arms"], dataset.labels, strict=True)
    with (stayline.folder / "log.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["id", *dataset.columns, "arm", "left"], *rows])
    (stayline.folder / "log.yaml").write_text("id: id\neverything_else: infer\n")
    told = ["--arm", "arm", "--control", CONTROL, "--target", "left", "--positive", "True", "--folds", 2]
    learn = ["learn", "log.csv", "--mapping", "log.yaml", "--out", "models", *told]
    assert "--observational learns with a warning" in stayline.fails(*learn)
    ran = stayline(*learn, "--observational")
    directory = stayline.folder / ran.stdout.strip()
    uplift = json.loads((directory / "report.json").read_text())["uplift"]

    assert ran.code == 0, ran
    assert ran.stderr.startswith("Warning: nobody knows the propensities")
    assert (uplift["is_randomised"], uplift["beats_risk"]) == (False, False)
    assert "Warning: Nobody noted" in (directory / "report.html").read_text()


def spoiled(world: Path, tmp_path: Path, column: str, values: list[object]) -> list[object]:
    table = pq.read_table(world / "trial.parquet")
    cells = pa.array(values[:1] + table[column].to_pylist()[1:])
    table = table.set_column(table.column_names.index(column), column, cells)
    pq.write_table(table, tmp_path / "trial.parquet")
    return ["learn", "trial.parquet", "--mapping", world / "trial.yaml", "--out", "models", *TOLD]


def test_what_is_wrong_is_said_in_one_line_and_nothing_is_written(
    stayline: Command, world: Path, tmp_path: Path
) -> None:
    learn = trial(world)
    for options, sentence in (
        (["--propensity", "none=0.4"], "has no propensity"),
        (["--propensity", "none"], "is not ARM=PROBABILITY"),
        ([*CHANCES, "--observational"], "say how likely each arm was"),
        ([*CHANCES, "--goal", "sideways"], "neither lower nor raise"),
        ([*CHANCES[:-1], "plan=p_nothing"], "no column 'p_nothing'"),
        ([*CHANCES[:-1], "plan=0.4"], "add up to 1.25"),
        ([*CHANCES, "--action", "discount", "--action", "plan"], "'handset' does not exist any more"),
    ):
        assert sentence in stayline.fails(*learn, *options), options
    assert "row 1: 'p_plan' holds no probability" in stayline.fails(
        *spoiled(world, tmp_path, "p_plan", [None]), *CHANCES
    )
    assert not (stayline.folder / "models").exists()


def test_a_world_is_refused_by_its_option(stayline: Command) -> None:
    assert "--months" in stayline.fails("simulate", "--out", "w", "--months", 2)
    assert stayline("simulate", "--out", "w", "--until", "tomorrow").code == 2
