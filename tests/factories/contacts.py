"""Bodies of contacts and complaints, complete but for what a test says."""

from datetime import UTC, datetime, timedelta
from typing import Any


def moments_ago(**ago: float) -> str:
    return (datetime.now(UTC) - timedelta(**ago)).isoformat()


def call(subscriber_id: str, **others: Any) -> dict[str, Any]:
    return {
        "subscriber_id": subscriber_id,
        "touchpoint": "hotline",
        "channel": "call",
        "direction": "inbound",
        "occurred_at": moments_ago(minutes=1),
        "reason": "The bill is higher than last month",
        "request": "Explain it",
    } | others


def complaint(subscriber_id: str, **others: Any) -> dict[str, Any]:
    return {
        "subscriber_id": subscriber_id,
        "touchpoint": "hotline",
        "channel": "call",
        "occurred_at": moments_ago(minutes=1),
        "type": "service",
        "description": "Nobody called me back",
    } | others
