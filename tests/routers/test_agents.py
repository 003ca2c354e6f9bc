"""An operator that lists its agents: a name that is none of them is refused by the field it stands in."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from app.settings import Settings
from tests.conftest import serving
from tests.factories.answers import refused_fields
from tests.factories.contacts import call, complaint
from tests.factories.subscribers import subscriber
from tests.factories.surveys import answers


@pytest.fixture(scope="module")
def api(settings: Settings) -> Iterator[httpx.Client]:
    with serving(settings.model_copy(update={"agents": ["agent-1", "desk"]})) as running:
        yield running.client


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/interactions", "agent_id"),
        ("/v1/complaints", "owner"),
        ("/v1/survey-responses", "agent_id"),
        ("/v1/decisions", "owner"),
    ],
)
def test_a_name_that_is_no_agents_is_refused(api: httpx.Client, path: str, field: str) -> None:
    body = body_for(path, subscriber(api))

    assert refused_fields(api.post(path, json=body | {field: "agnet-1"})) == {f"/{field}"}
    assert api.post(path, json=body | {field: "agent-1"}).status_code == 201


def test_a_batch_refuses_only_the_contact_with_the_unknown_agent(api: httpx.Client) -> None:
    subscriber_id = subscriber(api)
    items = [call(subscriber_id, agent_id=agent) for agent in ("agent-1", "agnet-1", "desk")]
    answered = api.post("/v1/interactions/batch", json={"items": items}).json()["items"]

    assert [item["status"] for item in answered] == [201, 422, 201]
    assert answered[1]["problem"]["errors"][0]["pointer"] == "/agent_id"


def test_nothing_is_handed_to_nobody(api: httpx.Client) -> None:
    opened = api.post("/v1/complaints", json=complaint(subscriber(api), owner="agent-1")).json()
    path = f"/v1/complaints/{opened['id']}"

    assert refused_fields(api.patch(path, json={"owner": "agnet-2"}, headers={"if-match": '"1"'})) == {"/owner"}
    assert api.patch(path, json={"owner": "desk"}, headers={"if-match": '"1"'}).json()["owner"] == "desk"


def test_a_subscriber_and_a_group_belong_to_a_known_agent(api: httpx.Client) -> None:
    subscriber_id = subscriber(api)

    assert refused_fields(api.put(f"/v1/subscribers/{subscriber_id}", json={"owner": "x"})) == {"/owner"}
    assert refused_fields(api.put("/v1/groups/of-nobody", json={"name": "x", "owner": "x"})) == {"/owner"}


def body_for(path: str, subscriber_id: str) -> dict[str, Any]:
    match path.rpartition("/")[2]:
        case "interactions":
            return call(subscriber_id)
        case "complaints":
            return complaint(subscriber_id)
        case "survey-responses":
            return answers(subscriber_id)
    return {"subscriber_id": subscriber_id, "channel": "call", "direction": "inbound"}
