"""Groups whose members call, and are billed, as those do who are about to leave; or who are not."""

from typing import Any

import httpx
import psycopg

from app.settings import Settings
from tests.factories.subscribers import LEAVING, new_id, subscriber

# A member in September, and in October as one who is leaving, or who is not.
BEFORE = LEAVING | {"monthly_charges": 90, "offnet_onnet_ratio": 0.4}
LEAVING_NOW = LEAVING | {
    "monthly_charges": 60,
    "offnet_onnet_ratio": 0.8,
    "call_forward_m0": 9,
    "call_forward_m2": 1,
    "call_forward_m3": 1,
}
STEADY_NOW = LEAVING_NOW | {"monthly_charges": 90, "call_forward_m0": 1, "offnet_onnet_ratio": 0.4}


def lay_calls(settings: Settings) -> None:
    """Have the feature dictionary know what the signals are read from."""
    known = "INSERT INTO features VALUES (%s, 'number', NULL, 0, 100000, '{}', 'test', now()) ON CONFLICT DO NOTHING"
    with psycopg.connect(settings.database_url.get_secret_value(), autocommit=True) as store:
        for name in sorted(LEAVING_NOW.keys() - LEAVING.keys()):
            store.execute(known, [name])


def group(api: httpx.Client, now: dict[str, Any], members: int = 4, **fields: Any) -> str:
    group_id = f"vpmn-{new_id()}"
    api.put(f"/v1/groups/{group_id}", json={"name": "Riverside Works"} | fields)
    for _ in range(members):
        member(api, group_id, now)
    return group_id


def member(api: httpx.Client, group_id: str, now: dict[str, Any]) -> str:
    subscriber_id = subscriber(api, group_id=group_id, features=now)
    earlier = api.put(f"/v1/subscribers/{subscriber_id}/snapshots/2026-09-30", json={"features": BEFORE})
    assert earlier.status_code == 201, earlier.text
    return subscriber_id
