"""simulate-policy: what a change would do to everybody, before it is made."""

from collections.abc import Callable
from pathlib import Path

import pytest

from app.settings import Settings
from tests.cli.command import Command
from tests.conftest import make_settings, serving
from tests.factories.dictionary import lay_dictionary
from tests.factories.subscribers import LEAVING, STAYING, subscriber
from tests.factories.tables import count_rows, open_store
from tests.service import variables

PEOPLE = 40


@pytest.fixture(scope="module")
def peopled(new_database: Callable[[str], str], models_dir: Path, worker_id: str) -> Settings:
    settings = make_settings(new_database(f"simulated_{worker_id}"), models_dir)
    lay_dictionary(settings)
    with serving(settings) as running:
        for number in range(PEOPLE):
            subscriber(running.client, features=STAYING if number % 4 else LEAVING | {"monthly_charges": 60 + number})
    return settings


@pytest.fixture
def simulate(peopled: Settings, tmp_path: Path) -> Command:
    return Command(tmp_path, variables(peopled))


def change(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "change.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def figures(output: str) -> dict[str, list[str]]:
    lines = (line.rstrip().rsplit(maxsplit=3) for line in output.splitlines())
    return {parts[0].strip(): parts[1:] for parts in lines if len(parts) == 4 and parts[3][0] in "+-"}


def test_a_dearer_offer_moves_people_to_another_and_nothing_is_recorded(
    simulate: Command, peopled: Settings, tmp_path: Path
) -> None:
    """Requirement J15."""
    with open_store(peopled) as store:
        rows = count_rows(store)
        told = simulate.succeeds(
            "simulate-policy",
            change(tmp_path, "actions: {contract_12m_discount: {contact_cost: '99.00'}}"),
            "--out",
            tmp_path / "trial.html",
        )
        assert count_rows(store) == rows
    found = figures(told)

    assert found["subscribers"][:2] == [str(PEOPLE)] * 2
    assert float(found["churners prevented (each within its action's horizon)"][0]) > 0
    assert "contract_12m_discount" in told
    page = (tmp_path / "trial.html").read_text(encoding="utf-8")
    assert page.count('class="curve curve-') == 4
    assert "Churn prevented for the money" in page
    assert "contract_12m_discount" in page
    assert "http" not in page.replace("http://www.w3.org", "")


def test_the_same_rules_change_nothing(simulate: Command, tmp_path: Path) -> None:
    told = simulate.succeeds("simulate-policy", change(tmp_path, "rules: {}"))
    assert "nobody would get another action" in told
    assert all(now == then for now, then, _ in figures(told).values())


def test_a_sample_is_as_large_as_was_asked(simulate: Command, tmp_path: Path) -> None:
    told = simulate.succeeds("simulate-policy", change(tmp_path, "rules: {holdout_share: 0.5}"), "--sample", 7)
    assert figures(told)["subscribers"] == ["7", "7", "+0"]


def test_a_guard_and_a_holdout_are_seen_before_they_are_published(simulate: Command, tmp_path: Path) -> None:
    changed = change(tmp_path, "rules: {holdout_share: 0.999999, daily_budget: '10.00'}")
    found = figures(simulate.succeeds("simulate-policy", changed))
    assert int(found["held out"][1]) > int(found["held out"][0]) == 0
    assert float(found["expected cost"][1]) <= 10 < float(found["expected cost"][0])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("rules: {holdout_share: 1.0}", "holdout_share"),
        ("rules: {no_such_rule: 1}", "no_such_rule"),
        ("offers: {}", "offers is not known"),
        ("actions: {new_one: {name: New}}", "kind"),
        ("actions: {usage_tips: {eligibility: 'score.band =='}}", "parse"),
        ("[]", "holds no change"),
        ("{", "is not YAML"),
    ],
)
def test_a_change_that_cannot_be_made_is_refused_in_one_line(
    simulate: Command, tmp_path: Path, text: str, why: str
) -> None:
    assert why in simulate.fails("simulate-policy", change(tmp_path, text))
