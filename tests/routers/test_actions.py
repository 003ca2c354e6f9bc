"""The catalogue: written as data, checked when it is saved, in force from then on."""

from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import httpx
import pytest
import yaml

from tests.factories.actions import put, retire, written
from tests.factories.answers import problem, refused_fields
from tests.factories.bodies import question
from tests.factories.pages import walk
from tests.factories.subscribers import LEAVING, subscriber


@pytest.fixture
def code(api: httpx.Client) -> Iterator[str]:
    yield "tried_action"
    retire(api, "tried_action")


def refusal(api: httpx.Client, expression: str) -> str:
    """Why an eligibility is refused."""
    answer = problem(api.put("/v1/actions/refused", json=written(eligibility=expression)), 422)
    assert {error["pointer"] for error in answer["errors"]} == {"/eligibility"}
    assert api.get("/v1/actions/refused").status_code == 404
    return str(answer["errors"][0]["detail"])


def test_an_action_is_created_read_and_replaced(api: httpx.Client, code: str) -> None:
    body = written(capacity_per_day=7, caps=[{"window_days": 7, "max": 1}, {"window_days": 90, "max": 3}])
    created = api.put(f"/v1/actions/{code}", json=body)
    assert created.status_code == 201
    assert created.headers["location"] == f"/v1/actions/{code}"
    assert created.json() == body | {"code": code, "valid_from": None, "valid_to": None, "priced": False}
    assert api.get(f"/v1/actions/{code}").json() == created.json()
    replaced = api.put(f"/v1/actions/{code}", json=written(name="Another name"))
    assert (replaced.status_code, replaced.json()["name"]) == (200, "Another name")
    assert replaced.json()["capacity_per_day"] is None


def test_the_shipped_catalogue_is_large_enough_to_begin_with(api: httpx.Client) -> None:
    """Requirements D13, I13, I20."""
    codes = {
        action["code"] for action in yaml.safe_load((files("app") / "catalogue" / "actions.yaml").read_text("utf-8"))
    }
    shipped = [action for action in walk(api, "/v1/actions", 50) if action["code"] in codes]
    assert len(shipped) >= 20
    assert {action["kind"] for action in shipped} == {
        "offer", "call", "repair", "apology", "visit", "information", "nothing",
    }  # fmt: skip
    assert all(action["say"].keys() >= {"en", "zh-CN"} for action in shipped)
    assert all(len(sentence) <= 160 for action in shipped for sentence in action["say"].values())


def test_a_saved_action_is_weighed_from_the_next_decision_on(api: httpx.Client, code: str) -> None:
    before = api.post("/v1/decisions", json=question(subscriber(api, features=LEAVING))).json()
    put(api, code)
    after = api.post("/v1/decisions", json=question(subscriber(api, features=LEAVING))).json()

    assert code not in {entry["action"] for entry in before["trace"] if entry["verdict"] == "kept"}
    assert after["actions"][0]["code"] == code
    assert before["policy_version"] != after["policy_version"]


def test_the_same_question_is_asked_anew_when_the_rules_have_changed(api: httpx.Client, code: str) -> None:
    leaver = subscriber(api, features=LEAVING)
    before = api.post("/v1/decisions", json=question(leaver))
    put(api, code)
    assert api.post("/v1/decisions", json=question(leaver)).json()["decision_id"] != before.json()["decision_id"]


@pytest.mark.parametrize(
    ("expression", "place", "why"),
    [
        ("score.band ==", "line 1, column 14", "does not compile"),
        ("score.band == 'high' &&\n && true", "line 2, column 2", "does not compile"),
        ("score.luck > 0.5", "line 1, column 1", "names no known fact of score"),
        ("true ||\n features.no_such > 1.0", "line 2, column 2", "names no known fact of features"),
        ("weather.sunny", "line 1, column 1", "names no fact"),
        ("features.gender == 'x'", "line 1, column 1", "names no known fact of features"),
        ("features.tenure_months / 0.0 > 1.0", "line 1, column 24", "may divide by zero"),
        ("1 / 0 > 1", "line 1, column 3", "may divide by zero"),
        ("score.probability / features.monthly_charges > 1.0", "line 1, column 19", "may divide by zero"),
        ("complaints.open % 0 == 1", "line 1, column 17", "may divide by zero"),
        ("features['contract'] == 'x'", "line 1, column 1", "naming the fact"),
        ("features.tenure_months + 1 > 2.0", "line 1, column 1", "mixes types"),
        ("features.contract > 1.0", "line 1, column 1", "mixes types"),
        ("score.probability", "line 1, column 1", "must be true or false"),
        ("lucky(score.probability)", "line 1, column 1", "names no known function"),
    ],
)
def test_a_rule_that_could_fail_on_the_line_is_refused_when_it_is_saved(
    api: httpx.Client, expression: str, place: str, why: str
) -> None:
    told = refusal(api, expression)
    assert told.startswith(place)
    assert why in told


@pytest.mark.parametrize(
    "expression",
    [
        "true",
        "features.contract in ['One year', 'Two year'] && score.probability > 0.5",
        "has(features.contract) ? features.contract == 'One year' : true",
        "context.anything_at_all == 'x' || complaints.open_faults >= 1.0",
        "features.monthly_charges / 12.0 > 5.0",
        "['gold', 'silver'].exists(tier, tier == subscriber.value_tier)",
        "subscriber.tenure_months >= 12.0 && outcomes.declined == 0.0",
        "features.contract.startsWith('Two')",
    ],
)
def test_a_rule_over_the_documented_facts_is_taken(api: httpx.Client, code: str, expression: str) -> None:
    assert put(api, code, eligibility=expression)["eligibility"] == expression


def test_a_rule_says_itself_what_unknown_means(api: httpx.Client, code: str) -> None:
    """A fact that is not known removes the action, unless the rule says otherwise."""
    unknown = subscriber(api, features={name: value for name, value in LEAVING.items() if name != "contract"})

    def entry(eligibility: str) -> Any:
        put(api, code, eligibility=eligibility)
        decision = api.post("/v1/decisions", json=question(unknown)).json()
        return next(entry for entry in decision["trace"] if entry["action"] == code)

    removed = entry("features.contract == 'Month-to-month'")
    assert (removed["code"], removed["step"]) == ("FACT_UNKNOWN", "eligibility")
    assert "contract" in removed["reason"]
    assert entry("has(features.contract) ? features.contract == 'Month-to-month' : true")["code"] != "FACT_UNKNOWN"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("contact_cost", "-1.00"),
        ("contact_cost", "NaN"),
        ("accept_cost", "1.001"),
        ("horizon_days", 0),
        ("kind", "bribe"),
        ("channels", []),
        ("channels", ["pigeon"]),
        ("effect_prior", {"mean": 1.5, "sd": 0.1}),
        ("effect_prior", {"mean": 0.5, "sd": -0.1}),
        ("p_accept", 1.1),
        ("caps", [{"window_days": 7, "max": 0}]),
        ("caps", [{"window_days": 7, "max": 1}, {"window_days": 7, "max": 2}]),
        ("caps", [{"window_days": 7, "max": 5}, {"window_days": 30, "max": 3}]),
        ("capacity_per_day", -1),
        ("say", {"zh-CN": "只有中文"}),
        ("say", {"en": "x" * 161}),
        ("eligibility", ""),
    ],
)
def test_an_action_is_refused_by_the_name_of_its_field(api: httpx.Client, field: str, value: object) -> None:
    [pointer] = refused_fields(api.put("/v1/actions/refused", json=written(**{field: value})))
    assert pointer.startswith(f"/{field}")


def test_nothing_costs_nothing(api: httpx.Client) -> None:
    problem(api.put("/v1/actions/refused", json=written(kind="nothing")), 422)


def test_an_action_ends_after_it_begins(api: httpx.Client) -> None:
    times = {"valid_from": "2026-11-02T00:00:00Z", "valid_to": "2026-11-01T00:00:00Z"}
    problem(api.put("/v1/actions/refused", json=written(**times)), 422)
