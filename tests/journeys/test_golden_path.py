"""From a score to an outcome, as an agent's screen goes through them."""

from typing import Any

import httpx

from tests.factories.answers import problem
from tests.factories.bodies import outcome, question
from tests.factories.contacts import call, complaint
from tests.factories.pages import walk
from tests.factories.subscribers import LEAVING, subscriber


def post(api: httpx.Client, path: str, body: dict[str, Any]) -> Any:
    answer = api.post(path, json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def gates(decision: Any) -> dict[str, str]:
    return {entry["action"]: entry["code"] for entry in decision["trace"]}


def test_a_likely_churner_is_scored_heard_helped_and_kept(api: httpx.Client) -> None:
    """Requirements C17, I11, J9, K1, K5."""
    subscriber_id = subscriber(api, features=LEAVING, region="east", contact={"phone": "+8613800001234"})
    score = api.post("/v1/scores", json={"subscriber_id": subscriber_id}).json()
    assert score["band"] in {"high", "critical"}
    assert score["drivers"][0]["effect"] == "raises"

    # They call, and nobody sells anything before what they complain of is solved.
    contact = post(api, "/v1/interactions", call(subscriber_id, reason="Dropped calls", request="Repair it"))
    assert contact["need"] == "fault"
    opened = post(api, "/v1/complaints", complaint(subscriber_id, type="network", network_fault_type="dropped_calls"))
    inbound = post(api, "/v1/decisions", question(subscriber_id))
    offers = {action["code"] for action in walk(api, "/v1/actions", 50) if action["kind"] == "offer"}
    assert inbound["actions"][0]["code"] == "network_repair"
    assert not offers & {action["code"] for action in inbound["actions"]}
    assert inbound["score"]["probability"] == score["probability"]

    solved = {"status": "resolved", "root_cause": "A cell was overloaded", "action_taken": "Added a carrier"}
    tag = {"if-match": api.get(f"/v1/complaints/{opened['id']}").headers["etag"]}
    assert api.patch(f"/v1/complaints/{opened['id']}", json=solved, headers=tag).status_code == 200

    # We call them with the best offer, and that uses up the right to call again.
    outbound = post(api, "/v1/decisions", question(subscriber_id, direction="outbound"))
    best = outbound["actions"][0]
    assert best["code"] in offers
    assert "network_repair" not in {action["code"] for action in outbound["actions"]}
    post(
        api, "/v1/interactions", call(subscriber_id, direction="outbound", reason="Our offer", request="Think about it")
    )
    capped = post(api, "/v1/decisions", question(subscriber_id, direction="outbound"))
    assert gates(capped)[best["code"]] == "CONTACT_CAP"
    assert capped["actions"] == []
    assert capped["none_because"]

    # They take it, once.
    outcomes = f"/v1/decisions/{outbound['decision_id']}/outcomes"
    post(api, outcomes, outcome(best["code"], outcome="later"))
    post(api, outcomes, outcome(best["code"], outcome="accepted"))
    problem(api.post(outcomes, json=outcome(best["code"], outcome="declined")), 409)
    post(api, outcomes, outcome(best["code"], outcome="retained"))
    problem(api.post(outcomes, json=outcome(best["code"], outcome="churned")), 409)

    # The next agent sees what was recommended last and what came of it; the past reads as it was.
    inbound_again = post(api, "/v1/decisions", question(subscriber_id))
    assert inbound_again["last_contact"]["action"] == best["code"]
    assert inbound_again["last_contact"]["outcome"] == "retained"
    assert api.get(f"/v1/decisions/{outbound['decision_id']}").json() == outbound
    heard = walk(api, "/v1/interactions", 1, subscriber_id=subscriber_id)
    assert [found["direction"] for found in heard] == ["outbound", "inbound"]
