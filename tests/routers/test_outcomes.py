"""What became of a decided action: its answer once, its result once."""

from typing import Any

import httpx
import psycopg
import pytest

from tests.factories.answers import CANARY, problem, refused_fields
from tests.factories.bodies import at_once, outcome, question
from tests.factories.contacts import moments_ago
from tests.factories.subscribers import LEAVING, subscriber
from tests.factories.tables import where_found


@pytest.fixture
def decision(api: httpx.Client) -> Any:
    return api.post("/v1/decisions", json=question(subscriber(api, features=LEAVING))).json()


def tell(api: httpx.Client, decision: Any, chosen: str | None = None, **others: Any) -> httpx.Response:
    chosen = chosen or decision["actions"][0]["code"]
    return api.post(f"/v1/decisions/{decision['decision_id']}/outcomes", json=outcome(chosen) | others)


def test_an_outcome_is_recorded(api: httpx.Client, decision: Any) -> None:
    answer = tell(api, decision, reason="Liked the price", competitor="Northtel")
    found = answer.json()

    assert answer.status_code == 201
    assert answer.headers["location"] == f"/v1/decisions/{decision['decision_id']}"
    assert (found["decision_id"], found["subscriber_id"]) == (decision["decision_id"], decision["subscriber_id"])
    assert (found["outcome"], found["reason"]) == ("accepted", "Liked the price")
    assert found["competitor"] == "Northtel"  # requirement I23


@pytest.mark.parametrize("first", ["accepted", "declined", "no_response"])
@pytest.mark.parametrize("second", ["accepted", "declined", "no_response", "later"])
def test_an_action_is_answered_once(api: httpx.Client, decision: Any, first: str, second: str) -> None:
    assert tell(api, decision, outcome=first).status_code == 201
    problem(tell(api, decision, outcome=second), 409)


def test_an_answer_that_was_put_off_may_come_later(api: httpx.Client, decision: Any) -> None:
    for given in ("later", "later", "accepted"):
        assert tell(api, decision, outcome=given).status_code == 201
    problem(tell(api, decision, outcome="declined"), 409)


def test_after_its_answer_an_action_has_a_result_once(api: httpx.Client, decision: Any) -> None:
    assert tell(api, decision, outcome="accepted").status_code == 201
    assert tell(api, decision, outcome="retained").status_code == 201
    problem(tell(api, decision, outcome="churned"), 409)
    problem(tell(api, decision, outcome="retained"), 409)


def test_each_action_has_an_answer_of_its_own(api: httpx.Client, decision: Any) -> None:
    for action in decision["actions"]:
        assert tell(api, decision, action["code"], outcome="declined").status_code == 201


def test_of_many_answers_at_once_one_is_recorded(api: httpx.Client, decision: Any) -> None:
    answers = at_once(20, lambda number: tell(api, decision, outcome=("accepted", "declined")[number % 2]))

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 19


def test_only_what_was_chosen_has_an_outcome(api: httpx.Client, decision: Any) -> None:
    removed = next(entry["action"] for entry in decision["trace"] if entry["verdict"] == "removed")

    for action in (removed, "nothing_we_know"):
        assert refused_fields(tell(api, decision, action)) == {"/action"}


def test_nothing_comes_of_a_decision_before_it_is_made_or_in_the_future(api: httpx.Client, decision: Any) -> None:
    for moment in (moments_ago(minutes=6), moments_ago(minutes=-6), "2026-10-31T09:30:00+08:00"):
        assert refused_fields(tell(api, decision, occurred_at=moment)) == {"/occurred_at"}


@pytest.mark.parametrize(
    ("field", "value"), [("outcome", CANARY), ("reason", ""), ("action", "UPPER"), ("reason", CANARY * 400)]
)
def test_an_outcome_is_refused_by_the_name_of_its_field(
    api: httpx.Client, decision: Any, field: str, value: str
) -> None:
    assert refused_fields(tell(api, decision, None, **{field: value})) == {f"/{field}"}


def test_a_decision_that_is_not_there_has_no_outcome(api: httpx.Client, decision: Any) -> None:
    problem(tell(api, decision | {"decision_id": "01a200e5-1bcf-7a83-9b61-5a26ac00dfee"}), 404)


def test_what_was_said_is_stored_sealed(api: httpx.Client, store: psycopg.Connection, decision: Any) -> None:
    assert tell(api, decision, reason="Her brother Lu Ban advised it").status_code == 201
    assert not where_found(store, "Lu Ban")
