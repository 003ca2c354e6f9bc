"""Bodies of decisions and outcomes, complete but for what a test says; decisions; and requests made all at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import httpx

from tests.factories.contacts import moments_ago

Answer = TypeVar("Answer")


def question(subscriber_id: str, **others: Any) -> dict[str, Any]:
    return {"subscriber_id": subscriber_id, "channel": "call", "direction": "inbound"} | others


def outcome(action: str, **others: Any) -> dict[str, Any]:
    return {"action": action, "outcome": "accepted", "occurred_at": moments_ago(seconds=1)} | others


def decide(api: httpx.Client, subscriber_id: str, **others: Any) -> Any:
    """Have a decision made, or told again."""
    answer = api.post("/v1/decisions", json=question(subscriber_id, **others))
    assert answer.is_success, answer.text
    return answer.json()


def codes(decision: Any) -> list[str]:
    """What was chosen, the best first."""
    return [action["code"] for action in decision["actions"]]


def at_once(times: int, send: Callable[[int], Answer]) -> list[Answer]:
    """Make many requests at the same time."""
    with ThreadPoolExecutor(times) as threads:
        return list(threads.map(send, range(times)))
