"""Subscribers with a past, as the card meets them."""

from typing import Any

import httpx

from tests.factories.contacts import call, complaint, moments_ago
from tests.factories.subscribers import LEAVING, subscriber
from tests.factories.surveys import answers

PROFILE: dict[str, Any] = {
    "region": "east",
    "brand": "Duo",
    "value_tier": "gold",
    "lifecycle_stage": "loyalty",
    "joined_on": "2024-03-01",
    "contact": {"name": "Ouyang Xiu", "phone": "+8613877665544"},
}


def leaver(api: httpx.Client, **profile: Any) -> str:
    """Somebody likely to leave, of whom nothing is open that would keep offers back."""
    return subscriber(api, features=LEAVING, **(PROFILE | profile))


def with_a_past(api: httpx.Client, **profile: Any) -> str:
    """A leaver who called, complained and answered; the complaint is solved."""
    id = leaver(api, **profile)
    _send(api, "POST", "/v1/interactions", call(id, occurred_at=moments_ago(days=3), agent_id="mei"))
    opened = _send(api, "POST", "/v1/complaints", complaint(id, occurred_at=moments_ago(days=2)))
    solved = {"status": "resolved", "root_cause": "A wrong entry", "action_taken": "Corrected"}
    _send(api, "PATCH", f"/v1/complaints/{opened['id']}", solved)
    _send(api, "POST", "/v1/survey-responses", answers(id))
    return id


def _send(api: httpx.Client, method: str, path: str, body: Any) -> Any:
    answer = api.request(method, path, json=body, headers={"if-match": "*"})
    assert answer.is_success, answer.text
    return answer.json()
