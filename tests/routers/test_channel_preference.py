"""Requirement E26: what a person said on each channel changes which one we choose."""

from typing import Any

import httpx
import pytest

from tests.factories.bodies import decide
from tests.factories.subscribers import LEAVING, subscriber


def answer(api: httpx.Client, person: str, channel: str, outcome: str) -> None:
    made = decide(api, person, channel=channel)
    told = {"action": made["actions"][0]["code"], "outcome": outcome, "occurred_at": made["decided_at"]}
    api.post(f"/v1/decisions/{made['decision_id']}/outcomes", json=told).raise_for_status()


def reachable(api: httpx.Client, person: str) -> Any:
    return api.get(f"/v1/subscribers/{person}/overview").json()["profile"]["reachable_by"]


@pytest.mark.parametrize(("liked", "disliked"), [("shop", "call"), ("call", "shop")])
def test_the_channel_they_answer_best_on_is_chosen(api: httpx.Client, liked: str, disliked: str) -> None:
    person = subscriber(api, features=LEAVING)
    assert "channel_preference" not in decide(api, person)
    for _ in range(3):
        answer(api, person, liked, "accepted")
        answer(api, person, disliked, "no_response")

    found = decide(api, person)
    assert found["channel_preference"] == {
        "channel": liked,
        "because": f"{liked}: accepted 3 of 3; {disliked}: accepted 0 of 3",
    }
    assert (reachable(api, person)[0], reachable(api, person)[-1]) == (liked, disliked)
    decided = f"/v1/decisions/{found['decision_id']}"
    assert api.get(decided).json() == found
    assert api.post(f"{decided}/replay").json()["identical"]

    refused = {"consents": {liked: False}}
    api.patch(f"/v1/subscribers/{person}", json=refused, headers={"If-Match": "*"}).raise_for_status()
    assert "channel_preference" not in decide(api, person)
    assert liked not in reachable(api, person)
