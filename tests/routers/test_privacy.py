"""What a person has a right to: a copy of all that is stored of them, and an explanation of what was decided."""

import json
from collections.abc import Iterator

import httpx
import psycopg
import pytest

from app.domain.access import SCOPES
from app.services.privacy import NOT_EXPORTED, tables_of_people
from tests.conftest import make_key
from tests.factories.answers import problem
from tests.factories.bodies import question
from tests.factories.contacts import call
from tests.factories.lives import CANARIES, Life
from tests.factories.subscribers import LEAVING, subscriber
from tests.factories.tables import where_found
from tests.service import Service


@pytest.fixture(scope="module")
def life(service: Service) -> Life:
    lived = Life(service.client)
    lived.send("POST", f"/v1/decisions/{lived.decision['decision_id']}/contest", {"reason": "not so"})
    return lived


def test_a_copy_holds_everything_that_was_ever_told(life: Life) -> None:
    copy = life.api.get(f"{life.path}/export").raise_for_status()
    for canary in (*CANARIES, "not so"):
        assert json.dumps(canary)[1:-1] in copy.text, canary
    told = copy.json()
    assert told["subscriber_id"] == life.id
    assert told["tables"]["decisions"][0]["answer"]["actions"] == life.decision["actions"]
    assert told["tables"]["subscribers"][0]["contact"]["hobbies"] == "bamboo fishing"
    assert told["tables"]["feature_snapshots"][0]["features"] == LEAVING


def test_a_copy_is_of_every_table_that_knows_the_person(life: Life, store: psycopg.Connection) -> None:
    tables = life.api.get(f"{life.path}/export").json()["tables"]
    assert tables.keys() == tables_of_people().keys() - NOT_EXPORTED
    found = {table for table in where_found(store, life.id) if table not in NOT_EXPORTED}
    assert found <= {table for table, rows in tables.items() if rows}


def test_a_copy_holds_no_keys_and_nobody_elses(life: Life, store: psycopg.Connection) -> None:
    other = subscriber(life.api, contact={"name": "Somebody Else"})
    life.api.post("/v1/interactions", json=call(other, reason="of another")).raise_for_status()
    text = life.api.get(f"{life.path}/export").text
    [[key]] = store.execute("SELECT data_key FROM subscribers WHERE subscriber_id = %s", [life.id]).fetchall()
    assert key.hex() not in text
    assert "data_key" not in text
    assert "Somebody Else" not in text
    assert "of another" not in text


def test_a_copy_is_of_all_the_ids_of_a_person(api: httpx.Client) -> None:
    one, other = subscriber(api), subscriber(api)
    api.post("/v1/interactions", json=call(other, reason="under the other id")).raise_for_status()
    api.post(f"/v1/subscribers/{one}/merges", json={"duplicate_id": other}).raise_for_status()
    for id in (one, other):
        tables = api.get(f"/v1/subscribers/{id}/export").json()["tables"]
        assert {row["subscriber_id"] for row in tables["subscribers"]} == {one, other}
        assert tables["interactions"][0]["reason"] == "under the other id"


@pytest.fixture
def clerk(service: Service) -> Iterator[httpx.Client]:
    """Who may do everything but what concerns privacy."""
    with service.as_caller(make_key(service.settings, SCOPES - {"privacy:admin"})) as caller:
        yield caller


@pytest.mark.parametrize("what", ["export", "accesses"])
def test_a_copy_and_who_looked_are_for_few(clerk: httpx.Client, life: Life, what: str) -> None:
    problem(clerk.get(f"{life.path}/{what}"), 403)
    problem(life.api.get(f"/v1/subscribers/nobody/{what}"), 404)


def test_a_decision_is_explained_in_the_language_that_is_asked_for(life: Life) -> None:
    path = f"/v1/decisions/{life.decision['decision_id']}/explanation"
    english, chinese = (life.api.get(path, params={"language": one}).json() for one in ("en", "zh-CN"))
    [top, *_] = [driver for driver in life.decision["score"]["drivers"] if driver["effect"] == "raises"]
    assert top["feature"].replace("_", " ") in english["reasons"][0]
    assert str(round(100 * life.decision["score"]["probability"])) in english["risk"]
    assert [each.split(": ")[0] for each in english["proposed"]] == [each["name"] for each in life.decision["actions"]]
    assert english["alternative"]
    assert any("person looks at" in right for right in english["rights"])
    assert "系统" in chinese["how"]
    assert [each["code"] for each in chinese["alternative"]] == [each["code"] for each in english["alternative"]]
    assert life.api.get(path).json() == english  # the operator's own


def test_what_kept_things_back_is_told_in_words(api: httpx.Client) -> None:
    person = subscriber(api, features=LEAVING, status="arrears")
    decision = api.post("/v1/decisions", json=question(person)).json()
    told = api.get(f"/v1/decisions/{decision['decision_id']}/explanation").json()
    assert told["proposed"] == ["Nothing was proposed."]
    assert "suspended or in arrears" in told["not_proposed"][0]
    problem(api.get(f"/v1/decisions/{decision['decision_id']}/explanation?language=fr"), 422)


def test_who_refuses_profiling_is_neither_scored_nor_weighed(api: httpx.Client) -> None:
    person = subscriber(api, features=LEAVING, consents={"profiling": False})
    decision = api.post("/v1/decisions", json=question(person)).json()
    assert (decision["actions"], decision["score"]) == ([], None)
    assert {entry["code"] for entry in decision["trace"]} == {"NO_PROFILING"}
    path = f"/v1/decisions/{decision['decision_id']}"
    assert api.post(f"{path}/replay", json={}).json()["identical"] is True
    told = api.get(f"{path}/explanation").json()
    assert (told["risk"], told["reasons"]) == (None, [])
    assert told["alternative"]
    assert api.get(f"/v1/subscribers/{person}/next-best-actions?channel=call").json()["score"] is None
    api.patch(f"/v1/subscribers/{person}", json={"consents": {"profiling": True}}, headers={"if-match": "*"})
    assert api.post("/v1/decisions", json=question(person)).json()["actions"]
