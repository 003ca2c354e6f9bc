"""The simulated operator in the service: its actions are in force, its trial is a campaign that has ended."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from app.db import create_engine, create_sessions, transaction
from app.demo.operator import history
from app.demo.operator.tables import World, simulate
from app.services import access
from app.settings import Settings
from tests.cli.command import Command
from tests.conftest import make_settings, serving
from tests.service import variables


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    simulate(World(subscribers=1200, seed=8), folder)
    return folder


@pytest.fixture(scope="module")
def told(world: Path, new_database: Callable[[str], str], models_dir: Path, worker_id: str) -> Settings:
    settings = make_settings(new_database(f"operator_{worker_id}"), models_dir)
    table = ["import", world / "profiles.parquet", "--mapping", world / "profiles.yaml"]
    Command(world, variables(settings)).succeeds(*table, "--as-of", history.ends(world))
    asyncio.run(tell(settings, world))
    return settings


async def tell(settings: Settings, world: Path) -> None:
    engine = create_engine(settings)
    sessions, at = create_sessions(engine), datetime.now(UTC)
    async with transaction(sessions) as session:
        caller = await access.find_or_make_own_caller(session, "the past", at)
    await history.tell(sessions, world, caller, at)
    await engine.dispose()


def test_the_trial_is_told_as_it_was(told: Settings, world: Path) -> None:
    log: list[dict[str, Any]] = pq.read_table(world / "trial.parquet").to_pylist()
    members = Counter("holdout" if row["arm"] == "none" else row["arm"] for row in log)
    left = Counter("holdout" if row["arm"] == "none" else row["arm"] for row in log if row["left"] == "yes")
    with serving(told) as running:
        [campaign] = running.client.get("/v1/campaigns").json()["items"]
        found = running.client.get(f"/v1/campaigns/{campaign['id']}/evaluation").json()
        actions = {item["code"] for item in running.client.get("/v1/actions", params={"limit": 200}).json()["items"]}

    assert "simulated" in campaign["name"]
    assert {arm["arm"]: (arm["members"], arm["left"]) for arm in found["arms"]} == {
        arm: (members[arm], left[arm]) for arm in members
    }
    assert set(campaign["actions"]) <= actions
    assert found["over_time"][-1]["day"] == 90


def test_the_ids_of_the_demo_are_of_those_who_stayed(world: Path) -> None:
    profiles = {row["subscriber_id"]: row for row in pq.read_table(world / "profiles.parquet").to_pylist()}
    ids = history.ids_of(world)
    assert 100 < len(ids) < len(profiles)
    assert {profiles[id]["status"] for id in ids} == {"active"}
