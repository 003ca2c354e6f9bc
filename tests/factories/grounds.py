"""What requests may name: one subscriber of whom everything is known, and a valid request for each operation."""

import copy
from dataclasses import dataclass
from itertools import count
from typing import Any

import httpx

from app.routers.examples import CLAIM, TOUCHPOINT
from tests.factories import campaigns
from tests.factories.contacts import call, complaint, moments_ago
from tests.factories.operations import Operation
from tests.factories.subscribers import LEAVING, new_id, subscriber
from tests.factories.surveys import answers

Body = dict[str, Any]
_numbers = count(1)
REQUIRED_QUERIES = {
    "list_interactions",
    "preview_next_best_actions",
    "list_survey_responses",
    "list_expectation_gaps",
    "get_satisfaction",
    "get_agent_satisfaction",
}


@dataclass(frozen=True, slots=True)
class Request:
    """A request that the service takes."""

    method: str
    path: str
    headers: dict[str, str]
    params: dict[str, str]
    body: Body | None

    def send(self, api: httpx.Client, **others: Any) -> httpx.Response:
        given: dict[str, Any] = {"headers": self.headers, "params": self.params}
        if self.body is not None and "content" not in others:
            given["json"] = self.body
        return api.request(self.method, self.path, **given | others)


@dataclass(frozen=True, slots=True)
class Grounds:
    """Ids by the names that paths and bodies give them."""

    ids: dict[str, str]

    def request(self, operation: Operation) -> Request:
        headers = {"if-match": "*"} if operation.takes("header", "if-match") else {}
        queries = {"subscriber_id": self.ids["subscriber_id"], "channel": "call"}
        queries["family"] = "internal"
        required = operation.id in REQUIRED_QUERIES
        params = {name: value for name, value in queries.items() if required and operation.takes("query", name)}
        return Request(operation.method, self.path(operation), headers, params, self.body(operation))

    def path(self, operation: Operation, **others: str) -> str:
        return operation.path.format(**self._names() | others)

    def body(self, operation: Operation) -> Body | None:
        if operation.example is None:
            return None
        body: Body = copy.deepcopy(operation.example)
        here = {
            "subscriber_id": self.ids["subscriber_id"],
            "duplicate_id": self.ids["other_id"],
            "action": self.ids["action"],
            "group_id": self.ids["warned_group_id"],
            "occurred_at": moments_ago(seconds=1),
            "answered_at": moments_ago(seconds=1),
            "outcome": "later",  # the one answer that may be given again
            "purpose": f"purpose {next(_numbers)}",  # each is claimed once
        }
        if "items" in body:
            body["items"] = [_told(item, here) for item in body["items"]]
        return _told(body, here)

    def _names(self) -> dict[str, str]:
        return self.ids | {"as_of": "2026-10-31", "code": "grounds-desk"}


def _told(body: Body, here: Body) -> Body:
    return body | {name: value for name, value in here.items() if name in body}


def lay_grounds(api: httpx.Client, region: str | None = None) -> Grounds:
    subscriber_id = subscriber(api, features=LEAVING, region=region)
    visit = f"visit-{next(_numbers)}"
    contact = api.post("/v1/interactions", json=call(subscriber_id, need="leave", visit=visit)).json()
    [task] = api.get("/v1/tasks", params={"subscriber_id": subscriber_id}).json()["items"]
    api.put("/v1/touchpoints/grounds-desk", json=TOUCHPOINT | {"need": None})
    question = {"subscriber_id": subscriber_id, "channel": "call", "direction": "inbound"}
    decision = api.post("/v1/decisions", json=question).json()
    claim = api.post("/v1/contact-claims", json=CLAIM | {"subscriber_id": subscriber_id, "purpose": "grounds"}).json()
    opened = api.post("/v1/complaints", json=complaint(subscriber_id)).json()
    answered = api.post("/v1/survey-responses", json=answers(subscriber_id, {"item": "solved", "score": 2})).json()
    [case] = api.get("/v1/care-cases", params={"subscriber_id": subscriber_id}).json()["items"]
    warned = _group(api)
    subscriber(api, group_id=warned, region=region)
    warning = api.post("/v1/warnings", json={"group_id": warned}).json()
    model = api.get("/v1/models").json()["items"][0]
    return Grounds(
        {
            "subscriber_id": subscriber_id,
            "duplicate_id": _duplicate(api, subscriber_id, region),
            "other_id": subscriber(api, region=region),
            "group_id": _group(api),
            "warned_group_id": warned,
            "warning_id": warning["id"],
            "interaction_id": contact["id"],
            "visit": visit,
            "task_id": task["id"],
            "complaint_id": opened["id"],
            "response_id": answered["id"],
            "case_id": case["id"],
            "family": "internal",
            "role": "customer_service",
            "agent_id": "agent-7",
            "decision_id": decision["decision_id"],
            "claim_id": claim["id"],
            "job_id": api.post("/v1/scoring-runs", json={}).json()["id"],
            "campaign_id": _campaign(api),
            "action": decision["actions"][0]["code"],
            "name": model["name"],
            "version": model["version"],
        }
    )


def _duplicate(api: httpx.Client, subscriber_id: str, region: str | None) -> str:
    duplicate_id = subscriber(api, region=region)
    merged = api.post(f"/v1/subscribers/{subscriber_id}/merges", json={"duplicate_id": duplicate_id})
    assert merged.status_code == 201, merged.text
    return duplicate_id


def _campaign(api: httpx.Client) -> str:
    region, _ = campaigns.people(api, 1)
    made = campaigns.make(api, region)
    campaigns.start(api, made["id"])
    return str(made["id"])


def _group(api: httpx.Client) -> str:
    group_id = new_id()
    assert api.put(f"/v1/groups/{group_id}", json={"name": "Riverside Works"}).status_code == 201
    return group_id
