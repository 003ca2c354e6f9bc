"""campaigns: what one brought, drawn; what it taught, as a log that `learn` reads."""

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pyarrow.parquet as pq
import pytest

from app.settings import Settings
from tests.cli.command import Command
from tests.conftest import make_settings, serving
from tests.factories.bodies import question
from tests.factories.campaigns import make, members, people, start
from tests.factories.contacts import moments_ago
from tests.factories.dictionary import lay_dictionary
from tests.factories.subscribers import LEAVING
from tests.factories.tables import open_store
from tests.service import variables

ACTION = "plan_review_call"
Run = tuple[Settings, str, dict[str, str], str]


@pytest.fixture(scope="module")
def run(
    new_database: Callable[[str], str], models_dir: Path, worker_id: str
) -> tuple[Settings, str, dict[str, str], str]:
    """A campaign that began 100 days ago, and one of its treated members, whose outcome says that they left."""
    settings = make_settings(new_database(f"campaigns_{worker_id}"), models_dir)
    lay_dictionary(settings)
    with serving(settings) as running, open_store(settings) as store:
        api = running.client
        region, _ = people(api, 12)
        campaign = make(api, region, holdout_share=0.5, name="<b>Bold</b>")
        start(api, campaign["id"])
        arms = members(api, campaign["id"])
        gone = next(id for id, arm in sorted(arms.items()) if arm == ACTION)
        leave(api, gone)
        begin_earlier(store)
    return settings, campaign["id"], arms, gone


def leave(api: httpx.Client, subscriber_id: str) -> None:
    decision = api.post("/v1/decisions", json=question(subscriber_id, limit=10)).json()
    said = {"action": ACTION, "outcome": "churned", "occurred_at": moments_ago(seconds=0)}
    assert api.post(f"/v1/decisions/{decision['decision_id']}/outcomes", json=said).status_code == 201


def begin_earlier(store: psycopg.Connection) -> None:
    """The snapshots are dated before it, and what became known since is moved with it."""
    store.execute("UPDATE campaign_members SET enrolled_at = enrolled_at - interval '100 days'")
    store.execute("UPDATE campaigns SET started_at = started_at - interval '100 days'")
    store.execute("UPDATE outcomes SET occurred_at = occurred_at - interval '60 days'")
    store.execute("UPDATE feature_snapshots SET as_of = '2020-01-31'")


def test_what_is_posted_as_an_outcome_is_in_the_next_training_set(run: Run, tmp_path: Path) -> None:
    """Requirement C16."""
    settings, campaign, arms, gone = run
    said = Command(tmp_path, variables(settings)).succeeds("campaigns", "log", campaign, "--out", "log.parquet")
    rows = {row["subscriber_id"]: row for row in pq.read_table(tmp_path / "log.parquet").to_pylist()}

    assert {id: row["arm"] for id, row in rows.items()} == arms
    assert [id for id, row in rows.items() if row["left"] == "yes"] == [gone]
    assert (rows[gone]["left_on"] - rows[gone]["given_on"]).days in {39, 40, 41}
    assert rows[gone]["contract"] == LEAVING["contract"]
    assert {(row["p_holdout"], row[f"p_{ACTION}"]) for row in rows.values()} == {(0.5, 0.5)}
    assert f"--propensity {ACTION}=p_{ACTION}" in said
    assert (tmp_path / "log.yaml").exists()


def test_a_campaign_is_drawn_on_one_page(run: Run, tmp_path: Path) -> None:
    settings, campaign, _, _ = run
    stayline = Command(tmp_path, variables(settings))
    assert stayline.succeeds("campaigns", "report", campaign, "--out", "page.html").startswith("not_enough_data")
    page = (tmp_path / "page.html").read_text()
    assert "There is not enough data to tell." in page
    assert "The effect over time" in page
    assert "&lt;b&gt;Bold&lt;/b&gt;" in page
    assert "<script" not in page


def test_what_cannot_be_is_said_in_one_line(run: Run, tmp_path: Path) -> None:
    settings, campaign, _, _ = run
    stayline = Command(tmp_path, variables(settings))
    assert "no campaign with this id" in stayline.fails("campaigns", "report", uuid4(), "--out", "p.html")
    assert "not an .html file" in stayline.fails("campaigns", "report", campaign, "--out", "p.pdf")
    assert "not a .parquet file" in stayline.fails("campaigns", "log", campaign, "--out", "log.csv")
