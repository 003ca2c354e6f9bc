"""Many scores at once: each is answered alone, and just as if it had been asked for alone."""

from typing import Any

import httpx
import pytest

from app.schemas.base import MOST_ITEMS
from tests.factories.answers import problem, refused_fields
from tests.factories.subscribers import LEAVING, STAYING, subscriber

PATH = "/v1/scores/batch"


def scored(api: httpx.Client, items: list[Any]) -> list[Any]:
    answer = api.post(PATH, json={"items": items}, timeout=30)
    assert answer.status_code == 207, answer.text
    found: list[Any] = answer.json()["items"]
    assert len(found) == len(items)
    return found


@pytest.fixture
def known(api: httpx.Client) -> str:
    return subscriber(api, features=STAYING)


def test_each_is_answered_as_if_it_had_been_asked_alone(api: httpx.Client, known: str) -> None:
    partly = {"subscriber_id": known, "features": {"monthly_charges": 120.5}, "drivers": 3}
    questions = [{"features": LEAVING}, {"subscriber_id": known}, {"features": STAYING, "drivers": 0}, partly]
    for question, item in zip(questions, scored(api, questions), strict=True):
        assert item["status"] == 200
        alone = api.post("/v1/scores", json=question).json()
        for name in ("probability", "logit", "other_contribution"):
            assert item["score"].pop(name) == pytest.approx(alone.pop(name), abs=1e-12)
        assert [d.pop("contribution") for d in item["score"]["drivers"]] == pytest.approx(
            [d.pop("contribution") for d in alone["drivers"]], abs=1e-12
        )
        assert item["score"] == alone


REFUSED: dict[str, tuple[Any, int, str]] = {
    "somebody unknown": ({"subscriber_id": "nobody-at-all"}, 422, "/subscriber_id"),
    "a feature that is none": ({"features": LEAVING | {"shoe_size": 43}}, 422, "/features/shoe_size"),
    "a value out of range": ({"features": LEAVING | {"tenure_months": -1}}, 422, "/features/tenure_months"),
    "a kind without a model": ({"features": LEAVING, "churn_kind": "boredom"}, 422, "/churn_kind"),
    "nobody": ({}, 422, "/features"),
    "no object": (7, 422, ""),
    "a field that is none": ({"features": LEAVING, "mood": "good"}, 422, "/mood"),
}


@pytest.mark.parametrize(("item", "status", "pointer"), REFUSED.values(), ids=REFUSED)
def test_one_that_is_refused_is_refused_alone(api: httpx.Client, item: Any, status: int, pointer: str) -> None:
    before, refused, after = scored(api, [{"features": LEAVING}, item, {"features": LEAVING}])
    assert (before["status"], after["status"]) == (200, 200)
    assert before["score"] == after["score"]
    assert refused["status"] == refused["problem"]["status"] == status
    assert pointer in {error["pointer"] for error in refused["problem"]["errors"]}


def test_as_many_as_may_be_come_back_in_their_order(api: httpx.Client) -> None:
    charges = [20 + number / 100 for number in range(MOST_ITEMS)]
    questions = [{"features": LEAVING | {"monthly_charges": charge}, "drivers": 100} for charge in charges]
    found = scored(api, questions)
    values = [
        next(driver["value"] for driver in item["score"]["drivers"] if driver["feature"] == "monthly_charges")
        for item in found
    ]
    assert values == charges


def test_more_than_may_be_and_none_at_all_are_refused(api: httpx.Client) -> None:
    one = {"features": {"contract": None}}
    assert refused_fields(api.post(PATH, json={"items": [one] * (MOST_ITEMS + 1)}, timeout=30)) == {"/items"}
    assert refused_fields(api.post(PATH, json={"items": []})) == {"/items"}
    problem(api.post(PATH, json=[one]), 422)


def test_a_batch_counts_in_the_metrics_and_in_the_drift(api: httpx.Client) -> None:
    model = api.get("/v1/models").json()["items"][0]
    path = f"/v1/models/{model['name']}/versions/{model['version']}/drift"

    def rows() -> int:
        return int(api.get(path).json()["rows"])

    before = rows()
    scored(api, [{"features": LEAVING}] * 7)
    assert rows() == before + 7
