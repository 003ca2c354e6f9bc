"""How old the data was that a score or a decision was made of: said in the answer, and measured."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest

from tests.factories.bodies import question
from tests.factories.subscribers import LEAVING, subscriber


def of_age(api: httpx.Client, days: int) -> str:
    """A subscriber whose latest snapshot is of this many days ago."""
    subscriber_id = subscriber(api)
    as_of = (datetime.now(UTC) - timedelta(days=days)).date().isoformat()
    api.put(f"/v1/subscribers/{subscriber_id}/snapshots/{as_of}", json={"features": LEAVING})
    return subscriber_id


def decide(api: httpx.Client, subscriber_id: str) -> Any:
    return api.post("/v1/decisions", json=question(subscriber_id)).json()


def sample(api: httpx.Client, name: str) -> float:
    found = re.search(rf"^{re.escape(name)} (\S+)$", api.get("/metrics").text, re.MULTILINE)
    return float(found[1]) if found else 0.0


@pytest.mark.parametrize(("days", "stale"), [(35, False), (36, True)])
def test_a_decision_says_the_date_of_its_data_and_whether_it_is_stale(
    api: httpx.Client,
    days: int,
    stale: bool,  # noqa: FBT001  # a row of the table above
) -> None:
    """Requirement B14."""
    subscriber_id = of_age(api, days)
    expected = {"as_of": (datetime.now(UTC) - timedelta(days=days)).date().isoformat(), "stale": stale}
    decision = decide(api, subscriber_id)
    read = api.get(f"/v1/decisions/{decision['decision_id']}").json()
    preview = api.get(f"/v1/subscribers/{subscriber_id}/next-best-actions", params={"channel": "call"}).json()

    for answer in (decision, read, preview):
        assert expected.items() <= answer["score"].items()


def test_a_decision_from_before_this_was_told_still_reads(api: httpx.Client, store: psycopg.Connection) -> None:
    decision = decide(api, of_age(api, 0))
    store.execute(
        "UPDATE decisions SET answer = answer #- '{score,as_of}' #- '{score,stale}' WHERE id = %s",
        [decision["decision_id"]],
    )
    read = api.get(f"/v1/decisions/{decision['decision_id']}").json()

    assert read == decision | {"score": decision["score"] | {"as_of": None, "stale": False}}


def test_scores_and_decisions_on_stale_data_are_counted(api: httpx.Client) -> None:
    """Requirement B14."""
    name = 'stayline_stale_scores_total{churn_kind="port_out"}'
    before = sample(api, name)
    old, new = of_age(api, 36), of_age(api, 0)
    for subscriber_id in (old, new):
        api.post("/v1/scores", json={"subscriber_id": subscriber_id})
        decide(api, subscriber_id)
        decide(api, subscriber_id)

    assert sample(api, name) == before + 2


def test_the_time_from_data_to_decision_is_measured_once_a_decision(
    api: httpx.Client, store: psycopg.Connection
) -> None:
    """Requirement C18."""
    name = "stayline_data_to_action_seconds"
    count, total = sample(api, f"{name}_count"), sample(api, f"{name}_sum")
    within_a_day = sample(api, f'{name}_bucket{{le="86400.0"}}')
    subscriber_id = of_age(api, 10)
    store.execute(
        "UPDATE feature_snapshots SET recorded_at = recorded_at - interval '2 days' WHERE subscriber_id = %s",
        [subscriber_id],
    )
    key = {"idempotency-key": f"data to action of {subscriber_id}"}
    for _ in range(2):
        assert api.post("/v1/decisions", json=question(subscriber_id), headers=key).status_code == 201
    decide(api, subscriber_id)
    decide(api, subscriber(api))  # of whom there is no data

    assert sample(api, f"{name}_count") == count + 1
    assert sample(api, f"{name}_sum") - total == pytest.approx(2 * 86_400, abs=60)
    assert sample(api, f'{name}_bucket{{le="86400.0"}}') == within_a_day


def test_data_of_this_minute_that_is_acted_on_falls_into_the_first_bucket(api: httpx.Client) -> None:
    first = 'stayline_data_to_action_seconds_bucket{le="60.0"}'
    before = sample(api, first)
    decide(api, of_age(api, 0))

    assert sample(api, first) == before + 1
