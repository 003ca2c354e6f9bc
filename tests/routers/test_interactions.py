"""Every contact, with its two questions."""

from datetime import datetime

import httpx
import psycopg
import pytest

from app.domain.access import SCOPES
from tests.conftest import make_key
from tests.factories.answers import CANARY, problem, refused_fields
from tests.factories.bodies import at_once
from tests.factories.contacts import call, moments_ago
from tests.factories.pages import walk
from tests.factories.subscribers import subscriber
from tests.factories.tables import where_found
from tests.service import Service

PATH = "/v1/interactions"


def test_a_contact_reads_as_it_was_recorded(api: httpx.Client) -> None:
    body = call(
        subscriber(api),
        need="billing",
        phase="after_sale",
        agent_id="agent-1",
        rating=10,
        sentiment="negative",
        client_reference="reads-back",
    )
    recorded = api.post(PATH, json=body)
    found = recorded.json()

    assert recorded.status_code == 201
    assert recorded.headers["location"] == f"{PATH}/{found['id']}"
    assert body.items() - {("occurred_at", body["occurred_at"])} <= found.items()
    assert datetime.fromisoformat(found["occurred_at"]) == datetime.fromisoformat(body["occurred_at"])
    assert api.get(f"{PATH}/{found['id']}").json() == found


@pytest.mark.parametrize("missing", ["reason", "request"])
@pytest.mark.parametrize("empty", [None, "", ...])
def test_a_call_must_answer_both_questions(api: httpx.Client, missing: str, empty: object) -> None:
    """Requirement K1."""
    body = call(subscriber(api))
    if empty is ...:
        del body[missing]
    else:
        body[missing] = empty

    assert refused_fields(api.post(PATH, json=body)) == {f"/{missing}"}


def test_a_contact_that_is_no_call_may_leave_the_questions_open(api: httpx.Client) -> None:
    body = call(subscriber(api), channel="app", touchpoint="app_selfcare")
    del body["reason"], body["request"]
    found = api.post(PATH, json=body).json()

    assert (found["reason"], found["request"], found["need"]) == (None, None, "other")


@pytest.mark.parametrize("field", ["subscriber_id", "touchpoint", "channel", "direction", "occurred_at"])
def test_a_contact_must_say_who_where_how_and_when(api: httpx.Client, field: str) -> None:
    body = call(subscriber(api))
    del body[field]

    assert f"/{field}" in refused_fields(api.post(PATH, json=body))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("subscriber_id", "nobody"),
        ("subscriber_id", f"{CANARY} {CANARY}"),
        ("touchpoint", "nowhere"),
        ("touchpoint", "HOTLINE"),
        ("channel", "smoke"),
        ("direction", "sideways"),
        ("reason", CANARY * 400),
        ("reason", f"{CANARY}\u0007"),
        ("need", CANARY),
        ("phase", "later"),
        ("agent_id", ""),
        ("agent_id", CANARY * 10),
        ("rating", 0),
        ("rating", 11),
        ("rating", 5.0),
        ("rating", "5"),
        ("sentiment", "glad"),
        ("client_reference", ""),
        ("client_reference", CANARY * 20),
    ],
)
def test_a_contact_is_refused_by_the_name_of_its_field(api: httpx.Client, field: str, value: object) -> None:
    assert refused_fields(api.post(PATH, json=call(subscriber(api)) | {field: value})) == {f"/{field}"}


@pytest.mark.parametrize(
    ("reason", "need"),
    [
        ("I want my porting code", "leave"),
        ("This is unacceptable", "complaint"),
        ("There is no signal at home", "fault"),
        ("My bill is too high", "billing"),
        ("Which handset can I get", "device_enquiry"),
        ("What would another tariff cost", "plan_enquiry"),
        ("Please renew it", "transact"),
        ("我要携号转网", "leave"),
        ("Hello", "other"),
    ],
)
def test_the_need_is_told_from_the_answers_where_nobody_stated_it(api: httpx.Client, reason: str, need: str) -> None:
    """Requirement K2."""
    found = api.post(PATH, json=call(subscriber(api), reason=reason, request="Help")).json()

    assert found["need"] == need
    assert found["need_source"].startswith("rule:")


def test_a_stated_need_stands(api: httpx.Client) -> None:
    found = api.post(PATH, json=call(subscriber(api), need="leave")).json()

    assert (found["need"], found["need_source"]) == ("leave", "stated")


def test_a_reference_that_arrives_again_gets_the_first_contact(api: httpx.Client) -> None:
    subscriber_id = subscriber(api)
    first = api.post(PATH, json=call(subscriber_id, client_reference="crm-1"))
    second = api.post(PATH, json=call(subscriber_id, client_reference="crm-1", reason="Something else"))

    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json() == first.json()
    assert second.headers["location"] == first.headers["location"]
    assert len(walk(api, PATH, 50, subscriber_id=subscriber_id)) == 1


def test_a_reference_that_arrives_many_times_at_once_is_recorded_once(api: httpx.Client) -> None:
    subscriber_id = subscriber(api)
    body = call(subscriber_id, client_reference="crm-at-once")
    answers = at_once(20, lambda _: api.post(PATH, json=body))

    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(walk(api, PATH, 50, subscriber_id=subscriber_id)) == 1


def test_a_reference_belongs_to_its_caller(api: httpx.Client, service: Service) -> None:
    body = call(subscriber(api), client_reference="crm-2")
    first = api.post(PATH, json=body)
    with service.as_caller(make_key(service.settings, SCOPES)) as other:
        second = other.post(PATH, json=body)

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] != second.json()["id"]


def test_contacts_are_listed_latest_first(api: httpx.Client) -> None:
    subscriber_id = subscriber(api)
    for days in (2, 3, 1):
        api.post(PATH, json=call(subscriber_id, occurred_at=moments_ago(days=days), agent_id=f"{days} days ago"))
    found = walk(api, PATH, 50, subscriber_id=subscriber_id)

    assert [contact["agent_id"] for contact in found] == ["1 days ago", "2 days ago", "3 days ago"]


def test_pages_walk_all_contacts_even_those_of_one_moment(api: httpx.Client) -> None:
    subscriber_id = subscriber(api)
    moments = [moments_ago(hours=2)] * 4 + [moments_ago(hours=1)] * 3
    made = {
        api.post(PATH, json=call(subscriber_id, occurred_at=moment)).json()["id"] for moment in (*moments, moments[0])
    }
    whole = walk(api, PATH, 50, subscriber_id=subscriber_id)

    assert {contact["id"] for contact in whole} == made
    for limit in (1, 2, 4, 8):
        assert walk(api, PATH, limit, subscriber_id=subscriber_id) == whole


def test_a_contact_recorded_between_two_pages_moves_nothing(api: httpx.Client) -> None:
    subscriber_id = subscriber(api)
    for hours in range(1, 5):
        api.post(PATH, json=call(subscriber_id, occurred_at=moments_ago(hours=hours)))
    first = api.get(PATH, params={"subscriber_id": subscriber_id, "limit": "2"}).json()
    api.post(PATH, json=call(subscriber_id))
    cursor = first["next_cursor"]
    second = api.get(PATH, params={"subscriber_id": subscriber_id, "limit": "2", "cursor": cursor}).json()

    seen = [contact["id"] for contact in first["items"] + second["items"]]
    assert len(set(seen)) == 4
    assert second["next_cursor"] is None


def test_contacts_of_others_are_not_listed(api: httpx.Client) -> None:
    one, other = subscriber(api), subscriber(api)
    api.post(PATH, json=call(one))

    assert walk(api, PATH, 50, subscriber_id=other) == []


@pytest.mark.parametrize("minutes", [6, 60 * 24])
def test_a_contact_in_the_future_is_refused(api: httpx.Client, minutes: int) -> None:
    body = call(subscriber(api), occurred_at=moments_ago(minutes=-minutes))

    assert refused_fields(api.post(PATH, json=body)) == {"/occurred_at"}


def test_a_clock_that_runs_a_little_fast_is_forgiven(api: httpx.Client) -> None:
    assert api.post(PATH, json=call(subscriber(api), occurred_at=moments_ago(minutes=-4))).status_code == 201


def test_times_are_compared_by_their_moment_and_not_by_their_offset(api: httpx.Client) -> None:
    subscriber_id = subscriber(api)
    for time in ("2026-10-31T09:30:00+08:00", "2026-10-31T01:31:00Z", "2026-10-30T20:32:00-05:00"):
        api.post(PATH, json=call(subscriber_id, occurred_at=time, agent_id=time))
    found = walk(api, PATH, 1, subscriber_id=subscriber_id)

    assert [contact["occurred_at"] for contact in found] == [
        "2026-10-31T01:32:00Z",
        "2026-10-31T01:31:00Z",
        "2026-10-31T01:30:00Z",
    ]


def test_what_was_said_is_stored_sealed(api: httpx.Client, store: psycopg.Connection) -> None:
    body = call(subscriber(api), reason="My neighbour Qiu Ying", request="told me to ask for Zhu")
    key = {"idempotency-key": "sealed"}

    assert api.post(PATH, json=body, headers=key).json()["reason"] == body["reason"]
    assert not where_found(store, "Qiu Ying")
    assert not where_found(store, "told me to ask")


def test_what_is_not_there_is_not_found(api: httpx.Client) -> None:
    problem(api.get(f"{PATH}/01a200e5-1bcf-7a83-9b61-5a26ac00dfee"), 404)
    problem(api.get(PATH, params={"subscriber_id": "nobody"}), 404)


# ── many at once ──

BATCH = f"{PATH}/batch"


def test_a_batch_answers_for_each_item_and_stores_the_good_ones(api: httpx.Client) -> None:
    """Three bad rows of a thousand: 997 are stored and three are explained."""
    subscriber_id = subscriber(api)
    bad = {17: {"channel": "smoke"}, 500: {"touchpoint": "nowhere"}, 999: {"occurred_at": moments_ago(minutes=-60)}}
    items = [call(subscriber_id, agent_id=f"agent-{n}", need="other") | bad.get(n, {}) for n in range(1000)]
    answer = api.post(BATCH, json={"items": items})
    found = answer.json()["items"]

    assert answer.status_code == 207
    assert {n for n, item in enumerate(found) if item["status"] != 201} == bad.keys()
    assert {n: item["problem"]["errors"][0]["pointer"] for n, item in enumerate(found) if "problem" in item} == {
        17: "/channel",
        500: "/touchpoint",
        999: "/occurred_at",
    }
    assert {item["status"] for item in found if "problem" in item} == {422}
    stored = walk(api, PATH, 200, subscriber_id=subscriber_id)
    assert len(stored) == 997
    assert {item["id"] for item in found if "id" in item} == {contact["id"] for contact in stored}
    by_id = {contact["id"]: contact for contact in stored}
    assert by_id[found[5]["id"]]["agent_id"] == "agent-5"
    assert by_id[found[5]["id"]]["reason"] == items[5]["reason"]


def test_an_item_is_refused_like_the_same_contact_alone(api: httpx.Client) -> None:
    body = call("nobody")
    alone = problem(api.post(PATH, json=body), 422)
    [item] = api.post(BATCH, json={"items": [body]}).json()["items"]

    assert {name: item["problem"][name] for name in ("type", "title", "status", "detail", "errors")} == {
        name: alone[name] for name in ("type", "title", "status", "detail", "errors")
    }


def test_no_item_echoes_what_it_was_sent(api: httpx.Client) -> None:
    answer = api.post(BATCH, json={"items": [call(subscriber(api), need=CANARY, **{CANARY: CANARY})]})

    assert answer.status_code == 207
    assert CANARY not in answer.text.replace(f"/{CANARY}", "")  # the name of an unknown field is its place


def test_a_batch_knows_its_references_even_within_itself(api: httpx.Client) -> None:
    subscriber_id = subscriber(api)
    alone = api.post(PATH, json=call(subscriber_id, client_reference="batch-1")).json()
    items = [call(subscriber_id, client_reference=name) for name in ("batch-1", "batch-2", "batch-2", "batch-3")]
    first, second, third, fourth = api.post(BATCH, json={"items": items}).json()["items"]

    assert [item["status"] for item in (first, second, third, fourth)] == [200, 201, 200, 201]
    assert first["id"] == alone["id"]
    assert second["id"] == third["id"] != fourth["id"]
    assert len(walk(api, PATH, 50, subscriber_id=subscriber_id)) == 3
    again = api.post(BATCH, json={"items": items}).json()["items"]
    assert [item["id"] for item in again] == [first["id"], second["id"], third["id"], fourth["id"]]


def test_batches_that_arrive_at_once_record_each_reference_once(api: httpx.Client) -> None:
    subscriber_id = subscriber(api)
    names = [f"at-once-{n}" for n in range(40)]

    def send(turn: int) -> list[str]:
        turned = names[turn * 5 :] + names[: turn * 5]
        items = [call(subscriber_id, client_reference=name) for name in turned]
        found = api.post(BATCH, json={"items": items}).json()["items"]
        return sorted(item["id"] for item in found)

    assert len({tuple(ids) for ids in at_once(6, send)}) == 1
    assert len(walk(api, PATH, 200, subscriber_id=subscriber_id)) == len(names)


def test_a_batch_repeated_under_its_key_is_answered_again(api: httpx.Client) -> None:
    subscriber_id = subscriber(api)
    body = {"items": [call(subscriber_id)]}
    first, second = (api.post(BATCH, json=body, headers={"idempotency-key": "batch"}) for _ in range(2))

    assert second.headers["idempotent-replayed"] == "true"
    assert second.content == first.content
    assert second.status_code == 207
    assert len(walk(api, PATH, 50, subscriber_id=subscriber_id)) == 1


@pytest.mark.parametrize("items", [[], "many", None, [call("x")] * 10_001], ids=["none", "text", "null", "too many"])
def test_a_batch_has_between_one_and_ten_thousand_items(api: httpx.Client, items: object) -> None:
    assert refused_fields(api.post(BATCH, json={"items": items})) == {"/items"}


# ── what else is known of a contact ──


def test_a_contact_carries_how_it_went(api: httpx.Client) -> None:
    """Requirements G13, G15, K7."""
    said = {
        "agent_sentiment": "neutral",
        "duration_seconds": 312,
        "visit": "shop-2026-10-31-17",
        "order_outcome": "refused",
        "refusal_reason": "no_port",
        "phase": "during_sale",
    }
    found = api.post(PATH, json=call(subscriber(api), **said)).json()

    assert said.items() <= found.items()


@pytest.mark.parametrize("order", [None, "completed", "pending"])
def test_a_reason_goes_with_a_refused_order_alone(api: httpx.Client, order: str | None) -> None:
    """Requirement K7."""
    said = {"order_outcome": order, "refusal_reason": "no_line"}

    assert refused_fields(api.post(PATH, json=call(subscriber(api), **said))) == {"/refusal_reason"}


def test_a_refused_order_says_why(api: httpx.Client) -> None:
    body = call(subscriber(api), order_outcome="refused")

    assert refused_fields(api.post(PATH, json=body)) == {"/refusal_reason"}


def test_a_visit_is_its_contacts_in_order(api: httpx.Client) -> None:
    """Requirement F6: whatever the order in which they arrive."""
    subscriber_id = subscriber(api)
    steps = {"shop_queue": 30, "shop_counter": 20, "app_selfcare": 5}
    for touchpoint in ("app_selfcare", "shop_queue", "shop_counter"):
        at = moments_ago(minutes=steps[touchpoint])
        api.post(PATH, json=call(subscriber_id, touchpoint=touchpoint, visit="v1", occurred_at=at))
    api.post(PATH, json=call(subscriber_id, visit="v2"))
    found = api.get(f"/v1/subscribers/{subscriber_id}/visits/v1").json()

    assert found["touchpoints"] == list(steps)
    assert [item["touchpoint"] for item in found["items"]] == list(steps)
    assert (found["started_at"], found["ended_at"]) == (
        found["items"][0]["occurred_at"],
        found["items"][-1]["occurred_at"],
    )
    problem(api.get(f"/v1/subscribers/{subscriber_id}/visits/v3"), 404)
