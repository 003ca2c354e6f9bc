"""What a change does not mention was not withdrawn."""

import httpx
import psycopg

from tests.conftest import make_key
from tests.factories.contacts import complaint
from tests.factories.subscribers import new_id, subscriber
from tests.service import Service


def change(api: httpx.Client, subscriber_id: str, **fields: object) -> httpx.Response:
    return api.patch(f"/v1/subscribers/{subscriber_id}", json=fields, headers={"If-Match": "*"})


def test_a_change_of_one_consent_leaves_the_other_opt_outs(api: httpx.Client) -> None:
    subscriber_id = subscriber(api, consents={"marketing": False})

    assert change(api, subscriber_id, consents={"sms": False}).json()["consents"] == {"marketing": False, "sms": False}


def test_a_change_of_the_phone_leaves_the_name(api: httpx.Client) -> None:
    subscriber_id = subscriber(api, contact={"name": "Lin Wei", "phone": "+8613800000001"})

    contact = change(api, subscriber_id, contact={"phone": "+8613800000002"}).json()["contact"]

    assert contact["name"].startswith("L")
    assert contact["phone"].endswith("0002")


def test_a_contact_can_be_emptied(api: httpx.Client) -> None:
    subscriber_id = subscriber(api, contact={"name": "Lin Wei"})

    assert change(api, subscriber_id, contact=None).json()["contact"] is None


def test_a_key_bound_to_an_agent_cannot_hand_a_complaint_to_another(api: httpx.Client, service: Service) -> None:
    opened = api.post("/v1/complaints", json=complaint(subscriber(api))).json()
    bound = make_key(service.settings, {"complaints:write"}, agent_id="agent-7")

    with service.as_caller(bound) as agent:
        url, versions = f"/v1/complaints/{opened['id']}", {"If-Match": "*"}
        assert agent.patch(url, json={"owner": "agent-8"}, headers=versions).status_code == 403
        assert agent.patch(url, json={"owner": "agent-7"}, headers=versions).json()["owner"] == "agent-7"


def test_a_plan_older_than_a_migration_is_no_error_of_ours(api: httpx.Client, store: psycopg.Connection) -> None:
    """The type of a column changes while the service holds prepared statements of it."""
    assert api.get("/v1/touchpoints/hotline").status_code == 200
    for length in (256, 128):
        store.execute(f"ALTER TABLE touchpoints ALTER name TYPE varchar({length})".encode())
        answers = [api.get("/v1/touchpoints/hotline").status_code for _ in range(20)]
        assert set(answers) <= {200, 503}
        assert answers[-1] == 200


def test_a_damaged_cursor_does_not_start_the_list_again(api: httpx.Client) -> None:
    for cursor in ("!!!!", "", "Zm9v=Zm9v", new_id()[:1]):
        assert api.get("/v1/actions", params={"cursor": cursor}).status_code == 422
