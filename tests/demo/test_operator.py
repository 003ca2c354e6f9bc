"""The simulated operator: reproducible, blind to its own truth, and with the mechanisms that were planted."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from app.demo.operator.mechanisms import ARMS
from app.demo.operator.tables import World, WorldRefused, simulate

SIZE = 4000


def read(folder: Path, name: str) -> dict[str, Any]:
    found = pq.read_table(folder / f"{name}.parquet").to_pydict()
    return {column: np.array(values) for column, values in found.items()}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    simulate(World(subscribers=SIZE, seed=5), folder)
    return folder


@pytest.fixture(scope="module")
def truth(world: Path) -> dict[str, Any]:
    found = read(world, "truth")
    last = found["as_of"] == max(found["as_of"])
    return {name: values[last] for name, values in found.items()}


def test_the_same_seed_makes_the_same_world_and_a_larger_one_begins_with_it(world: Path, tmp_path: Path) -> None:
    simulate(World(subscribers=SIZE, seed=5), tmp_path / "again")
    simulate(World(subscribers=SIZE + 500, seed=5), tmp_path / "larger")
    simulate(World(subscribers=SIZE, seed=6), tmp_path / "other")
    for name in ("subscribers", "usage", "bills", "faults", "contacts", "panel", "trial", "campaigns", "truth"):
        mine = pq.read_table(world / f"{name}.parquet")
        assert mine.equals(pq.read_table(tmp_path / "again" / f"{name}.parquet")), name
        assert not mine.equals(pq.read_table(tmp_path / "other" / f"{name}.parquet")), name
    larger = pq.read_table(tmp_path / "larger" / "subscribers.parquet")
    assert larger.slice(0, SIZE).equals(pq.read_table(world / "subscribers.parquet"))


def test_the_truth_stands_in_a_file_of_its_own(world: Path) -> None:
    for path in world.glob("*.parquet"):
        columns = set(pq.read_schema(path).names)
        assert path.stem == "truth" or not columns & {"mechanism", "probability", "left_none"}, path


def test_a_label_looks_strictly_forward(world: Path) -> None:
    trial, panel = read(world, "trial"), read(world, "panel")
    left = trial["left"] == "yes"
    both = zip(trial["left_on"][left], trial["treated_on"][left], strict=True)
    assert all(after > given for after, given in both)
    assert set(trial["left_on"][~left]) == {None}
    # The panel's last label window is over before the trial treats anybody.
    assert max(panel["as_of"]) == date(2026, 3, 31)
    assert set(trial["treated_on"]) == {date(2026, 6, 30)}


def test_the_trial_is_randomised_and_the_campaign_is_not(world: Path, truth: dict[str, Any]) -> None:
    trial, campaign = read(world, "trial"), read(world, "campaigns")
    chances = np.column_stack([trial[f"p_{arm}"] for arm in ARMS])
    shares = [(trial["arm"] == arm).mean() for arm in ARMS]
    assert np.allclose(chances.sum(axis=1), 1)
    assert shares == pytest.approx(chances[0].tolist(), abs=0.03)
    risk = truth["probability"]
    assert abs(risk[trial["arm"] == "none"].mean() - risk[trial["arm"] != "none"].mean()) < 0.02
    # Offered to those who look like leaving, the discount seems to drive people away.
    churn = {arm: (campaign["left"][campaign["arm"] == arm] == "yes").mean() for arm in ("none", "discount")}
    assert churn["discount"] > churn["none"] + 0.05


def test_each_mechanism_shows_itself_and_answers_to_its_own_action(world: Path, truth: dict[str, Any]) -> None:
    trial = read(world, "trial")
    of = {name: truth["mechanism"] == name for name in set(truth["mechanism"])}
    quiet = of["quiet"]

    def times(name: str, feature: str) -> float:
        return float(trial[feature][of[name]].mean() / trial[feature][quiet].mean())

    def kept(name: str, arm: str) -> float:
        return float((truth["p_none"] - truth[f"p_{arm}"])[of[name]].mean())

    assert times("price_seeker", "bill_queries_90d") > 5
    assert times("network_faults", "faults_90d") > 5
    assert times("group_exodus", "forwarded_calls") > 5
    assert times("group_exodus", "bill_trend") < 0.95
    assert trial["incoming_share"][of["hidden_churn"]].mean() > 0.65
    assert kept("price_seeker", "discount") > 0.2
    assert kept("price_seeker", "repair") < 0.05
    assert kept("hidden_churn", "handset") > 0.2
    assert kept("hidden_churn", "discount") < 0.01
    assert max(kept("arrears", arm) for arm in ARMS) == 0
    assert all(kept("sleeping_dog", arm) < -0.05 for arm in ARMS[1:])


def test_what_became_of_everybody_is_what_their_arm_would_have_made_of_them(world: Path, truth: dict[str, Any]) -> None:
    trial = read(world, "trial")
    assert (trial["subscriber_id"] == truth["subscriber_id"]).all()
    for arm in ARMS:
        given = trial["arm"] == arm
        assert ((trial["left"] == "yes")[given] == truth[f"left_{arm}"][given].astype(bool)).all()


@pytest.mark.parametrize("wrong", [{"months": 3}, {"subscribers": 0}, {"explored": 1.0}])
def test_a_world_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(WorldRefused, match=f"--{next(iter(wrong))}"):
        World(**wrong)
