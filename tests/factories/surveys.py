"""Bodies of survey responses, complete but for what a test says."""

from typing import Any

from tests.factories.contacts import moments_ago


def answers(subscriber_id: str | None, *given: dict[str, Any], **others: Any) -> dict[str, Any]:
    """An internal response of one subscriber, with a good score unless answers are given."""
    body: dict[str, Any] = {
        "family": "internal",
        "survey": "after-service",
        "subscriber_id": subscriber_id,
        "touchpoint": "callback",
        "channel": "call",
        "answered_at": moments_ago(minutes=1),
        "scale_max": 10,
        "answers": list(given) or [{"item": "solved", "score": 9}],
    }
    return body | others


def expectation(dimension: str, ideal: float, adequate: float, perceived: float, **others: Any) -> dict[str, Any]:
    told = {"dimension": dimension, "ideal": ideal, "adequate": adequate, "perceived": perceived}
    return {"item": dimension} | told | others
