"""Campaigns among subscribers of a region of their own."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from app.routers.examples import CAMPAIGN
from tests.factories.subscribers import LEAVING, new_id, subscriber


def campaign(region: str, **others: Any) -> dict[str, Any]:
    today = datetime.now(UTC).date()
    dates = {"starts_on": today.isoformat(), "ends_on": (today + timedelta(days=20)).isoformat()}
    return CAMPAIGN | dates | {"segment": {"region": [region]}} | others


def make(api: httpx.Client, region: str, **others: Any) -> Any:
    made = api.post("/v1/campaigns", json=campaign(region, **others))
    assert made.status_code == 201, made.text
    return made.json()


def move(api: httpx.Client, campaign_id: str, state: str) -> httpx.Response:
    return api.patch(f"/v1/campaigns/{campaign_id}", json={"state": state}, headers={"if-match": "*"})


def start(api: httpx.Client, campaign_id: str) -> Any:
    moved = move(api, campaign_id, "running")
    assert moved.status_code == 200, moved.text
    return moved.json()


def evaluation(api: httpx.Client, campaign_id: str) -> Any:
    answer = api.get(f"/v1/campaigns/{campaign_id}/evaluation")
    assert answer.status_code == 200, answer.text
    return answer.json()


def people(api: httpx.Client, count: int, **profile: Any) -> tuple[str, list[str]]:
    """A region of its own and those who live there, each likely to leave."""
    region = new_id()
    return region, [subscriber(api, features=LEAVING, region=region, **profile) for _ in range(count)]


def members(api: httpx.Client, campaign_id: str) -> dict[str, str]:
    """The arm of each member."""
    page = api.get(f"/v1/campaigns/{campaign_id}/members", params={"limit": 200}).json()
    return {item["subscriber_id"]: item["arm"] for item in page["items"]}
