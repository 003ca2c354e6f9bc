"""Survey answers: weights, scales, the two families, callbacks, and what an unhappy answer sets going."""

from typing import Any

import httpx
import psycopg
import pytest

from tests.factories.answers import CANARY, problem, refused_fields
from tests.factories.contacts import complaint, moments_ago
from tests.factories.pages import walk
from tests.factories.subscribers import subscriber
from tests.factories.surveys import answers, expectation
from tests.factories.tables import where_found

PATH = "/v1/survey-responses"
UNHAPPY = {"item": "solved", "score": 3}


def recorded(api: httpx.Client, *given: dict[str, Any], **others: Any) -> Any:
    subscriber_id = others.pop("subscriber_id", None) or subscriber(api)
    answer = api.post(PATH, json=answers(subscriber_id, *given, **others))
    assert answer.status_code == 201, answer.text
    return answer.json()


def cases_of(api: httpx.Client, subscriber_id: str) -> list[Any]:
    return walk(api, "/v1/care-cases", 50, subscriber_id=subscriber_id)


def test_answers_read_as_they_were_given(api: httpx.Client) -> None:
    """Requirements E12 and G12."""
    subscriber_id = subscriber(api)
    body = answers(
        subscriber_id,
        {"item": "solved", "dimension": "reliability", "score": 8, "weight": 0.6},
        expectation("empathy", 9, 7, 8, weight=0.4),
        comment="It took two calls",
        agent_id="agent-7",
        role="customer_service",
        client_reference="survey-1",
    )
    answer = api.post(PATH, json=body)
    found = answer.json()

    assert answer.headers["location"] == f"{PATH}/{found['id']}"
    assert found["score"] == pytest.approx(8 * 0.6 + 8 * 0.4)
    assert (found["dissatisfied"], found["comment"], found["role"]) == (False, "It took two calls", "customer_service")
    assert body["answers"][1].items() <= found["answers"][1].items()
    assert api.get(f"{PATH}/{found['id']}").json() == found
    assert walk(api, PATH, 1, subscriber_id=subscriber_id) == [found]


@pytest.mark.parametrize("weights", [(0.5, 0.4), (0.7, 0.4), (None, 1.0)])
def test_weights_sum_to_one_or_are_refused(api: httpx.Client, weights: tuple[float | None, float]) -> None:
    """Requirement G3."""
    given = [{"item": f"item-{n}", "score": 8, "weight": weight} for n, weight in enumerate(weights)]

    assert refused_fields(api.post(PATH, json=answers(subscriber(api), *given))) == {"/answers"}


@pytest.mark.parametrize(
    ("given", "scale_max", "pointer"),
    [
        ({"score": 11}, 10, "/answers/0/score"),
        ({"score": 6}, 5, "/answers/0/score"),
        ({"score": 0}, 10, "/answers/0/score"),
        ({"ideal": 8, "adequate": 7, "perceived": 7.5}, 7, "/answers/0/ideal"),
        ({"ideal": 5, "adequate": 4}, 10, "/answers/0"),
        ({"score": "9"}, 10, "/answers/0/score"),
        ({"score": 9, "dimension": CANARY}, 10, "/answers/0/dimension"),
    ],
)
def test_an_answer_off_the_scale_is_refused_by_its_place(
    api: httpx.Client, given: dict[str, Any], scale_max: int, pointer: str
) -> None:
    body = answers(subscriber(api), {"item": "a"} | given, scale_max=scale_max)

    assert pointer in refused_fields(api.post(PATH, json=body))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("family", "mixed"),
        ("subscriber_id", None),
        ("subscriber_id", "nobody"),
        ("touchpoint", "nowhere"),
        ("channel", "smoke"),
        ("scale_max", 3),
        ("answers", []),
        ("answers", [{"item": "a", "score": 5}, {"item": "a", "score": 6}]),
        ("role", "boss"),
        ("answered_at", "2026-10-31T09:30:00"),
        ("callback_id", "01a200e5-1bcf-7a83-9b61-5a26ac00dfee"),
    ],
)
def test_a_response_is_refused_by_the_name_of_its_field(api: httpx.Client, field: str, value: object) -> None:
    assert f"/{field}" in refused_fields(api.post(PATH, json=answers(subscriber(api)) | {field: value}))


def test_an_answer_of_the_future_is_refused(api: httpx.Client) -> None:
    body = answers(subscriber(api), answered_at=moments_ago(minutes=-60))

    assert refused_fields(api.post(PATH, json=body)) == {"/answered_at"}


def test_an_external_answer_may_be_nobodys_but_carries_no_words_then(api: httpx.Client) -> None:
    """Requirements G1 and G2."""
    body = answers(None, family="external", channel="call")
    del body["subscriber_id"]

    assert api.post(PATH, json=body).json()["subscriber_id"] is None
    assert refused_fields(api.post(PATH, json=body | {"comment": "…"})) == {"/comment"}


@pytest.mark.parametrize("channel", ["call", "sms", "letter", "visit"])
def test_there_are_four_ways_to_call_back(api: httpx.Client, channel: str) -> None:
    """Requirement G5."""
    assert recorded(api, channel=channel)["channel"] == channel


def test_a_low_score_opens_a_recovery_case(api: httpx.Client) -> None:
    """Requirement G11."""
    found = recorded(api, UNHAPPY)
    [case] = cases_of(api, found["subscriber_id"])

    assert found["dissatisfied"] is True
    assert (case["stage"], case["owner"], case["closed_at"]) == ("located", "care-desk", None)
    assert [(piece["source"], piece["id"]) for piece in case["evidence"]] == [("survey", found["id"])]
    assert cases_of(api, recorded(api)["subscriber_id"]) == []


def test_less_than_would_do_opens_a_recovery_case_whatever_the_score(api: httpx.Client) -> None:
    """Requirement E13."""
    found = recorded(api, {"item": "all", "score": 10}, expectation("empathy", 9, 7, 6.9))

    assert len(cases_of(api, found["subscriber_id"])) == 1


def test_further_dissatisfaction_joins_the_open_case(api: httpx.Client) -> None:
    """Requirement E7."""
    subscriber_id = subscriber(api)
    for days in (1, 3, 2):
        recorded(api, UNHAPPY, subscriber_id=subscriber_id, answered_at=moments_ago(days=days))
    [case] = cases_of(api, subscriber_id)
    times = [piece["at"] for piece in case["evidence"]]

    assert len(times) == 3
    assert times == sorted(times)
    assert case["opened_at"] == times[0]


def test_a_response_that_arrives_again_is_the_first_one(api: httpx.Client) -> None:
    body = answers(subscriber(api), UNHAPPY, client_reference="cati-1")
    first, second = (api.post(PATH, json=body) for _ in range(2))

    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json() == first.json()
    assert [len(case["evidence"]) for case in cases_of(api, body["subscriber_id"])] == [1]


def test_an_unhappy_answer_in_a_callback_makes_it_and_opens_the_complaint_again(api: httpx.Client) -> None:
    """Requirements G4, G11 and E21."""
    subscriber_id = subscriber(api)
    opened = api.post("/v1/complaints", json=complaint(subscriber_id)).json()
    path = f"/v1/complaints/{opened['id']}"
    solved = {"status": "resolved", "root_cause": "Queue", "action_taken": "Called"}
    api.patch(path, json=solved, headers={"if-match": "*"})
    [callback] = walk(api, "/v1/callbacks", 50, subscriber_id=subscriber_id, state="due")
    recorded(api, UNHAPPY, subscriber_id=subscriber_id, callback_id=callback["id"])

    assert [c["status"] for c in walk(api, "/v1/callbacks", 50, subscriber_id=subscriber_id)] == ["done"]
    assert api.get(path).json()["status"] == "in_progress"
    assert len(cases_of(api, subscriber_id)) == 1


def test_a_callback_belongs_to_its_subscriber(api: httpx.Client) -> None:
    opened = api.post("/v1/complaints", json=complaint(subscriber(api))).json()
    solved = {"status": "resolved", "root_cause": "Queue", "action_taken": "Called"}
    api.patch(f"/v1/complaints/{opened['id']}", json=solved, headers={"if-match": "*"})
    [callback] = walk(api, "/v1/callbacks", 50, subscriber_id=opened["subscriber_id"])
    body = answers(subscriber(api), callback_id=callback["id"], client_reference="not-mine")

    assert refused_fields(api.post(PATH, json=body)) == {"/callback_id"}
    assert walk(api, PATH, 50, subscriber_id=body["subscriber_id"]) == []  # a refused write leaves no trace


def test_what_was_said_is_stored_sealed(api: httpx.Client, store: psycopg.Connection) -> None:
    recorded(api, comment="Ask for my cousin Ru Yi")

    assert not where_found(store, "Ru Yi")


# ── the gaps ──


def gaps(api: httpx.Client, **query: str) -> list[Any]:
    answer = api.get("/v1/expectation-gaps", params=query)
    assert answer.status_code == 200, answer.text
    items: list[Any] = answer.json()["items"]
    return items


def test_the_gaps_of_a_touchpoint_are_the_means_of_its_answers(api: httpx.Client) -> None:
    """Requirements E12, E14 and K14: on 0…100, whatever the scales."""
    for family, scale, values in (
        ("internal", 5, (5, 3, 2)),
        ("internal", 5, (5, 3, 3)),
        ("internal", 10, (1, 10, 5)),  # misunderstood: counted, and left out of the means
        ("external", 5, (5, 1, 5)),  # another family: never mixed in
    ):
        recorded(api, expectation("assurance", *values), family=family, scale_max=scale, touchpoint="shop_queue")
    [found] = [gap for gap in gaps(api, family="internal", touchpoint="shop_queue") if gap["dimension"] == "assurance"]

    assert (found["answers"], found["inconsistent"]) == (3, 1)
    assert (found["ideal"], found["adequate"], found["perceived"]) == pytest.approx((100, 50, 37.5))
    assert (found["adequacy_gap"], found["superiority_gap"], found["zone_width"]) == pytest.approx((-12.5, -62.5, 50))
    assert (found["zone"], found["dissatisfied"]) == ("below", True)
    [other] = gaps(api, family="external", touchpoint="shop_queue")
    assert (other["answers"], other["zone"]) == (1, "within")


def test_the_family_must_be_named(api: httpx.Client) -> None:
    """Requirement G1."""
    assert refused_fields(api.get("/v1/expectation-gaps")) == {"/query/family"}


def test_gaps_may_be_those_of_one_subscriber(api: httpx.Client) -> None:
    subscriber_id = subscriber(api)
    recorded(api, expectation("empathy", 9, 7, 8), subscriber_id=subscriber_id)

    assert [gap["answers"] for gap in gaps(api, family="internal", subscriber_id=subscriber_id)] == [1]
    problem(api.get(f"{PATH}/01a200e5-1bcf-7a83-9b61-5a26ac00dfee"), 404)
