"""Groups that are about to leave: seen by their figures, warned of once, and dealt with as a whole (D4–D7)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest

from app.domain.access import SCOPES
from app.schemas.base import encode_cursor
from app.settings import Settings
from tests.conftest import make_key
from tests.factories.answers import problem, refused_fields
from tests.factories.bodies import at_once
from tests.factories.groups import LEAVING_NOW, STEADY_NOW, group, lay_calls, member
from tests.factories.pages import walk
from tests.factories.runs import work_off
from tests.factories.subscribers import new_id
from tests.service import Service

PATH = "/v1/warnings"
ONE_SIGNAL = (
    STEADY_NOW | {"call_forward_m0": 9},
    STEADY_NOW | {"monthly_charges": 60},
    STEADY_NOW | {"offnet_onnet_ratio": 0.8},
)


@pytest.fixture(autouse=True)
def _known_to_the_dictionary(settings: Settings) -> None:
    lay_calls(settings)


def of(api: httpx.Client, group_id: str, **query: str) -> list[dict[str, Any]]:
    return walk(api, PATH, 50, group_id=group_id, **query)


def report(api: httpx.Client, group_id: str, **others: Any) -> dict[str, Any]:
    answer = api.post(PATH, json={"group_id": group_id} | others)
    assert answer.status_code == 201, answer.text
    warning: dict[str, Any] = answer.json()
    return warning


def change(api: httpx.Client, warning: dict[str, Any], **changes: Any) -> httpx.Response:
    return api.patch(f"{PATH}/{warning['id']}", json=changes, headers={"if-match": "*"})


def test_a_group_whose_signals_coincide_is_warned_of_once(api: httpx.Client, service: Service) -> None:
    """Requirements D4 to D7: and what it brings in is how severe that is."""
    group_id = group(api, LEAVING_NOW, owner="agent-7")
    first, second = (work_off(service.settings)["watch_groups"] for _ in range(2))
    [warning] = of(api, group_id)

    assert (first["warned"] >= 1, second["warned"]) == (True, 0)
    assert (warning["kind"], warning["source"], warning["owner"]) == ("group_churn", "signals", "agent-7")
    assert (warning["severity"], warning["member_count"], warning["as_of"]) == ("240.00", 4, "2026-10-31")
    assert warning["signals"] == [
        {"signal": "forwarding", "before": 1, "after": 9},
        {"signal": "bill", "before": 90, "after": 60},
        {"signal": "offnet", "before": 0.4, "after": 0.8},
    ]
    assert api.get(f"{PATH}/{warning['id']}").json() == warning


def test_one_signal_or_too_few_members_warn_of_nothing(api: httpx.Client, service: Service) -> None:
    """Requirement D6."""
    calm = [group(api, now) for now in (STEADY_NOW, *ONE_SIGNAL)]
    small = group(api, LEAVING_NOW, members=2)
    work_off(service.settings)

    assert [of(api, group_id) for group_id in (*calm, small)] == [[]] * 5


def test_of_a_group_of_two_no_figures_are_kept(api: httpx.Client) -> None:
    """They would be a person's own, and stay when that person is erased."""
    warning = report(api, group(api, LEAVING_NOW, members=2))

    assert (warning["member_count"], warning["severity"], warning["signals"]) == (2, None, [])


def test_members_who_have_left_are_not_taken_for_a_smaller_bill(api: httpx.Client, service: Service) -> None:
    group_id = group(api, LEAVING_NOW | {"monthly_charges": 90})
    for _ in range(4):
        gone = member(api, group_id, LEAVING_NOW | {"monthly_charges": 0})
        api.put(f"/v1/subscribers/{gone}", json={"group_id": group_id, "status": "churned"})
    work_off(service.settings)

    assert of(api, group_id) == []


def test_what_is_done_for_the_group_stands_in_its_playbook(api: httpx.Client) -> None:
    """Requirement D7: several measures, for the group as a whole."""
    warning = report(api, group(api, STEADY_NOW))
    opened = datetime.fromisoformat(warning["opened_at"])
    changed = change(api, warning, done=["check_network_on_site", "visit_decision_maker"])
    steps = {step["measure"]: step for step in changed.json()["playbook"]}

    assert [step["measure"] for step in warning["playbook"]] == [
        "visit_decision_maker",
        "check_network_on_site",
        "review_contract",
        "propose_group_terms",
    ]
    assert datetime.fromisoformat(warning["playbook"][0]["due_at"]) == opened + timedelta(days=2)
    assert [name for name, step in steps.items() if step["done_at"]] == [
        "visit_decision_maker",
        "check_network_on_site",
    ]
    again = change(api, warning, done=["visit_decision_maker"]).json()["playbook"]
    assert again[0]["done_at"] == steps["visit_decision_maker"]["done_at"]


def test_no_member_is_made_an_offer_while_the_group_is_dealt_with(api: httpx.Client) -> None:
    """Requirement D7: a decision taken before the warning is not given again after it."""
    group_id = group(api, STEADY_NOW)
    subscriber_id = member(api, group_id, STEADY_NOW)
    question = {"subscriber_id": subscriber_id, "channel": "call", "direction": "inbound", "limit": 10}
    before = api.post("/v1/decisions", json=question).json()
    warning = report(api, group_id)
    meanwhile = api.post("/v1/decisions", json=question).json()
    change(api, warning, result="kept")
    after = api.post("/v1/decisions", json=question).json()
    offers = {action["code"] for action in walk(api, "/v1/actions", 200) if action["kind"] == "offer"}

    def held_back(decision: dict[str, Any]) -> set[str]:
        return {entry["action"] for entry in decision["trace"] if entry["code"] == "GROUP_AT_RISK"}

    assert {action["code"] for action in before["actions"]} & offers
    assert held_back(before) == held_back(after) == set()
    assert held_back(meanwhile)
    assert held_back(meanwhile) <= offers
    assert not {action["code"] for action in meanwhile["actions"]} & offers
    assert api.post(f"/v1/decisions/{meanwhile['decision_id']}/replay", json={}).json()["identical"]


def test_whoever_picks_up_is_told_that_the_group_is_dealt_with(api: httpx.Client) -> None:
    """Requirement D7."""
    group_id = group(api, STEADY_NOW, name="Lakeside Clinic")
    path = f"/v1/subscribers/{member(api, group_id, STEADY_NOW)}/overview"
    before = api.get(path).json()
    warning = report(api, group_id, owner="agent-7")
    meanwhile = api.get(path).json()

    assert before["group"] == {"group_id": group_id, "name": "Lakeside Clinic", "at_risk_since": None, "owner": None}
    assert datetime.fromisoformat(meanwhile["group"]["at_risk_since"]) == datetime.fromisoformat(warning["opened_at"])
    assert meanwhile["group"]["owner"] == "agent-7"
    assert meanwhile["prompt"].startswith("Lakeside Clinic may leave")


def test_reports_at_once_open_one_warning(api: httpx.Client) -> None:
    """Requirement D7: the group action is created once."""
    group_id = group(api, STEADY_NOW)
    answers = at_once(8, lambda _: api.post(PATH, json={"group_id": group_id}))

    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.json()["id"] for answer in answers}) == len(of(api, group_id)) == 1


def test_a_closed_warning_rests_and_newer_figures_open_another(
    api: httpx.Client, service: Service, store: psycopg.Connection
) -> None:
    group_id = group(api, LEAVING_NOW)
    work_off(service.settings)
    [warning] = of(api, group_id)
    closed = change(api, warning, result="false_alarm").json()

    def warned_again(after_days: int) -> int:
        was = datetime.now(UTC) - timedelta(days=after_days)
        store.execute("UPDATE group_warnings SET closed_at = %s WHERE id = %s", [was, warning["id"]])
        work_off(service.settings)
        return len(of(api, group_id, open="true"))

    assert (closed["result"], closed["closed_at"] is not None) == ("false_alarm", True)
    assert warned_again(after_days=1) == 0
    assert warned_again(after_days=31) == 0  # the same figures tell nothing new
    for subscriber_id in walk(api, f"/v1/groups/{group_id}/members", 50):
        path = f"/v1/subscribers/{subscriber_id['subscriber_id']}/snapshots/2026-11-29"
        api.put(path, json={"features": LEAVING_NOW | {"monthly_charges": 30, "offnet_onnet_ratio": 1.6}})
    assert warned_again(after_days=29) == 0
    assert warned_again(after_days=31) == 1
    problem(change(api, warning, owner="agent-1"), 409)


def test_the_list_begins_with_the_most_revenue(api: httpx.Client) -> None:
    """Requirement D7: severity is the group's revenue."""
    severities = {}
    for charges in (20, 70, 45):
        group_id = group(api, STEADY_NOW | {"monthly_charges": charges})
        severities[report(api, group_id)["id"]] = f"{4 * charges}.00"
    listed = [(warning["id"], warning["severity"]) for warning in walk(api, PATH, 2)]

    assert {id: severity for id, severity in listed if id in severities} == severities
    amounts = [float(severity or 0) for _, severity in listed]
    assert amounts == sorted(amounts, reverse=True)
    assert len({id for id, _ in listed}) == len(listed)


def test_a_warning_of_nobody_is_refused(api: httpx.Client) -> None:
    problem(api.post(PATH, json={"group_id": group(api, STEADY_NOW, members=0)}), 409)
    problem(api.post(PATH, json={"group_id": new_id()}), 404)
    problem(api.get(f"{PATH}/01a200e5-1bcf-7a83-9b61-5a26ac00dfee"), 404)


def test_a_warning_is_refused_by_the_name_of_its_field(api: httpx.Client) -> None:
    warning = report(api, group(api, STEADY_NOW))

    assert refused_fields(api.post(PATH, json={"group_id": "no spaces"})) == {"/group_id"}
    assert refused_fields(change(api, warning, result="lost")) == {"/result"}
    assert refused_fields(change(api, warning, done=["pray"])) == {"/done/0"}
    assert refused_fields(api.get(PATH, params={"cursor": "bm8K"})) == {"/query/cursor"}
    for severity in ("NaN", "Infinity", "1e99", "five"):
        cursor = encode_cursor(severity, warning["id"])
        assert refused_fields(api.get(PATH, params={"cursor": cursor})) == {"/query/cursor"}


def test_an_agents_key_passes_on_its_own_warnings_only(api: httpx.Client, service: Service) -> None:
    warning = report(api, group(api, STEADY_NOW), owner="agent-70")
    with service.as_caller(make_key(service.settings, SCOPES, agent_id="agent-71")) as agent:
        answer = agent.patch(f"{PATH}/{warning['id']}", json={"owner": "agent-72"}, headers={"if-match": "*"})
        problem(answer, 403)
    stale = api.patch(f"{PATH}/{warning['id']}", json={"owner": "agent-72"}, headers={"if-match": '"9"'})
    problem(stale, 412)
