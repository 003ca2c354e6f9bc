"""The right to contact somebody: one has it, it ends, and it counts for the whole person."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest

from app.domain.access import SCOPES
from tests.conftest import make_key
from tests.factories.answers import problem, refused_fields
from tests.factories.bodies import at_once, question
from tests.factories.subscribers import LEAVING, subscriber
from tests.service import Service

PATH = "/v1/contact-claims"
FRONT_LINE = frozenset({"claims:write", "decisions:write"})


def wanted(subscriber_id: str, **others: Any) -> dict[str, Any]:
    return {"subscriber_id": subscriber_id, "purpose": "retention", "owner": "anna"} | others


def outbound(api: httpx.Client, subscriber_id: str, **others: Any) -> Any:
    return api.post("/v1/decisions", json=question(subscriber_id, direction="outbound", **others)).json()


def codes(decision: Any) -> set[str]:
    return {entry["code"] for entry in decision["trace"]}


def test_of_64_who_claim_at_once_one_wins(api: httpx.Client) -> None:
    """Requirement I10."""
    person = subscriber(api)
    answers = at_once(64, lambda n: api.post(PATH, json=wanted(person, owner=f"agent-{n}")))

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 63
    winner = next(answer.json()["owner"] for answer in answers if answer.status_code == 201)
    for answer in answers:
        if answer.status_code == 409:
            refused = problem(answer, 409)
            assert refused["type"].endswith("already-claimed")
            assert winner in refused["detail"]


def test_a_claim_says_until_when_it_holds(api: httpx.Client) -> None:
    made = api.post(PATH, json=wanted(subscriber(api), ttl_seconds=60))
    found = made.json()
    left = datetime.fromisoformat(found["expires_at"]) - datetime.now(UTC)
    assert made.headers["location"] == f"{PATH}/{found['id']}"
    assert timedelta(seconds=50) < left <= timedelta(seconds=60)


def test_a_claim_that_has_expired_is_free_again(api: httpx.Client, store: psycopg.Connection) -> None:
    person = subscriber(api)
    first = api.post(PATH, json=wanted(person)).json()
    problem(api.post(PATH, json=wanted(person)), 409)
    store.execute("UPDATE contact_claims SET expires_at = now() WHERE id = %s", [first["id"]])
    assert api.post(PATH, json=wanted(person, owner="ben")).status_code == 201


def test_another_purpose_is_another_right(api: httpx.Client) -> None:
    person = subscriber(api)
    purposes = ("retention", "survey")
    assert [api.post(PATH, json=wanted(person, purpose=purpose)).status_code for purpose in purposes] == [201, 201]


def test_a_person_is_claimed_by_whichever_of_their_ids(api: httpx.Client) -> None:
    person, other = subscriber(api, features=LEAVING), subscriber(api, features=LEAVING)
    api.post(f"/v1/subscribers/{person}/merges", json={"duplicate_id": other})
    answers = at_once(16, lambda n: api.post(PATH, json=wanted((person, other)[n % 2], owner=f"agent-{n}")))

    assert [answer.status_code for answer in answers].count(201) == 1
    assert "ALREADY_CLAIMED" in codes(outbound(api, person))
    assert "ALREADY_CLAIMED" in codes(outbound(api, other))


def test_somebody_elses_claim_stands_before_a_contact_and_not_before_an_answer(api: httpx.Client) -> None:
    person = subscriber(api, features=LEAVING)
    claim = api.post(PATH, json=wanted(person)).json()
    refused = outbound(api, person, owner="ben")
    [reason] = {entry["reason"] for entry in refused["trace"] if entry["code"] == "ALREADY_CLAIMED"}

    assert refused["actions"] == []
    assert "anna holds the right to contact for retention" in reason
    assert outbound(api, person, owner="anna")["actions"]
    assert api.post("/v1/decisions", json=question(person, owner="ben")).json()["actions"]
    assert api.delete(f"{PATH}/{claim['id']}").status_code == 204
    assert "ALREADY_CLAIMED" not in codes(outbound(api, person, owner="ben"))


def test_only_its_owner_or_an_administrator_releases_a_claim(api: httpx.Client, service: Service) -> None:
    anna, ben = (make_key(service.settings, FRONT_LINE, agent_id=agent) for agent in ("anna", "ben"))
    crm = make_key(service.settings, FRONT_LINE)
    claims = []
    with service.as_caller(anna) as caller:
        problem(caller.post(PATH, json=wanted(subscriber(api), owner="ben")), 403)
        claims += [caller.post(PATH, json=wanted(subscriber(api))).json()["id"] for _ in range(2)]
    for other in (ben, crm):
        with service.as_caller(other) as caller:
            problem(caller.delete(f"{PATH}/{claims[0]}"), 403)
    with service.as_caller(anna) as caller:
        assert [caller.delete(f"{PATH}/{claims[0]}").status_code for _ in range(2)] == [204, 204]
    with service.as_caller(make_key(service.settings, SCOPES)) as administrator:
        assert administrator.delete(f"{PATH}/{claims[1]}").status_code == 204


def test_a_claim_that_is_not_there_is_not_found(api: httpx.Client) -> None:
    problem(api.delete(f"{PATH}/01a200e5-1bcf-7a83-9b61-5a26ac00dfee"), 404)


@pytest.mark.parametrize(
    ("field", "value"),
    [("subscriber_id", "nobody"), ("purpose", ""), ("owner", None), ("ttl_seconds", 0), ("ttl_seconds", 604_801)],
)
def test_a_claim_is_refused_by_the_name_of_its_field(api: httpx.Client, field: str, value: object) -> None:
    assert refused_fields(api.post(PATH, json=wanted(subscriber(api)) | {field: value})) == {f"/{field}"}
