"""What a manager looks at: a base that was scored, groups, promises kept and broken, answers, and campaigns."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.conftest import make_settings, serving
from tests.console.crm import Crm
from tests.console.screen import Desk
from tests.factories import campaigns
from tests.factories.contacts import complaint, moments_ago
from tests.factories.dictionary import lay_dictionary
from tests.factories.forwarder import forwarding
from tests.factories.groups import LEAVING_NOW, STEADY_NOW, group, lay_calls
from tests.factories.population import Row
from tests.factories.runs import score_base
from tests.factories.subscribers import LEAVING, new_id, subscriber
from tests.factories.surveys import answers, expectation

CANARY = "<img src=x onerror=seen()>"
ACTION = "plan_review_call"
LEAVERS = 52  # two more than a page of the list


@contextmanager
def office(database_url: str, models_dir: Path, crm: Crm) -> Iterator[Desk]:
    """A desk on a store of its own, whose road can be closed."""
    with forwarding(database_url) as road:
        road.open()
        settings = make_settings(road.database_url, models_dir)
        lay_dictionary(settings)
        with serving(settings) as running:
            yield Desk(running, road, crm)


def leavers(api: httpx.Client, count: int = LEAVERS) -> str:
    """Likely leavers in a region of their own, one of them with less to say; returns the region."""
    region = new_id()
    for number in range(count):
        features = LEAVING | {"monthly_charges": 70.0 + number}
        subscriber(api, features=features, region=region, brand=CANARY, value_tier="gold")
    return region


def scored_traffic(api: httpx.Client, rows: list[Row]) -> None:
    """Have rows scored that cost half as much again as those the model was made on."""
    moved = [row | {"monthly_charges": row["monthly_charges"] * 1.5} for row in rows]
    _sent(api, "POST", "/v1/scores/batch", {"items": [{"features": row} for row in moved]})


def promises(api: httpx.Client) -> None:
    """One kept, one broken and one still to be kept, of different severity; each word of theirs is markup."""
    who = subscriber(api)
    kept = _complain(api, who, type="service", owner=CANARY)
    solved = {"status": "resolved", "root_cause": "A wrong entry", "action_taken": "Corrected"}
    _sent(api, "PATCH", f"/v1/complaints/{kept['id']}", solved)
    outage = {"type": "network", "network_fault_type": "outage", "owner": "ben"}
    _complain(api, who, **outage, occurred_at=moments_ago(days=9), description=CANARY)
    _complain(api, who, type="billing", owner="ann")


def opinions(api: httpx.Client) -> None:
    """Answers of both families; one touchpoint has enough of them, and one role misses its target."""
    _sent(api, "PUT", "/v1/touchpoints/canary", _touchpoint(CANARY))
    who = subscriber(api)
    good = [expectation("reliability", 9, 6, 8), expectation("empathy", 9, 7, 5)]
    for touchpoint, times in (("canary", 2), ("callback", 31)):
        for _ in range(times):
            body = answers(who, *good, touchpoint=touchpoint, role="customer_service")
            _sent(api, "POST", "/v1/survey-responses", body)
    _sent(api, "POST", "/v1/survey-responses", answers(None, family="external", survey="panel"))
    _sent(api, "PUT", "/v1/satisfaction-targets/internal/customer_service", {"target": 0.95})
    _sent(api, "PUT", "/v1/satisfaction-targets/internal/service_advisor", {"target": 0.8})


def groups(api: httpx.Client) -> None:
    """One group at risk by its figures, and one whose warning was a false alarm."""
    for name, now in ((CANARY, LEAVING_NOW), ("Harbour", STEADY_NOW)):
        group_id = group(api, now, name=name, owner="ann")
        warning = _sent(api, "POST", "/v1/warnings", {"group_id": group_id})
        if name != CANARY:
            _sent(api, "PATCH", f"/v1/warnings/{warning['id']}", {"result": "false_alarm"})


def trials(api: httpx.Client, region: str) -> Any:
    """A draft, one that has ended, and a running one with members in both arms; returns the running one."""
    others = new_id()
    for _ in range(4):
        subscriber(api, region=others)
    past = campaigns.make(api, others, name=f"Past {CANARY}")
    campaigns.start(api, past["id"])
    campaigns.move(api, past["id"], "ended").raise_for_status()
    campaigns.make(api, region, name=f"Draft {CANARY}")
    running = campaigns.make(api, region, name=f"Running {CANARY}", owner=CANARY, goal=CANARY, holdout_share=0.5)
    return campaigns.start(api, running["id"])


def furnish(desk: Desk, rows: list[Row]) -> Any:
    """Fill an office with all of it; returns the running campaign."""
    region = leavers(desk.api)
    scored_traffic(desk.api, rows)
    promises(desk.api)
    opinions(desk.api)
    running = trials(desk.api, region)
    score_base(desk.api, desk.service.settings)
    lay_calls(desk.service.settings)
    groups(desk.api)
    return running


def _complain(api: httpx.Client, who: str, **others: Any) -> Any:
    return _sent(api, "POST", "/v1/complaints", complaint(who, **others))


def _touchpoint(name: str) -> dict[str, Any]:
    kinds = {"category": "channel", "stage": "satisfaction", "kind": "person_person", "channels": ["call"]}
    return {"name": name, "promise_hours": 48} | kinds


def _sent(api: httpx.Client, method: str, path: str, body: Any) -> Any:
    answer = api.request(method, path, json=body, headers={"if-match": "*"})
    assert answer.is_success, answer.text
    return answer.json()
