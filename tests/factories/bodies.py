"""Bodies of decisions and outcomes, complete but for what a test says; and requests made all at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from tests.factories.contacts import moments_ago

Answer = TypeVar("Answer")


def question(subscriber_id: str, **others: Any) -> dict[str, Any]:
    return {"subscriber_id": subscriber_id, "channel": "call", "direction": "inbound"} | others


def outcome(action: str, **others: Any) -> dict[str, Any]:
    return {"action": action, "outcome": "accepted", "occurred_at": moments_ago(seconds=1)} | others


def at_once(times: int, send: Callable[[int], Answer]) -> list[Answer]:
    """Make many requests at the same time."""
    with ThreadPoolExecutor(times) as threads:
        return list(threads.map(send, range(times)))
