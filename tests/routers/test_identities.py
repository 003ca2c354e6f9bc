"""One person under several ids (B17): merged by a pointer, with every fact where it was, and taken back exactly."""

from typing import Any

import httpx
import psycopg

from tests.factories.answers import problem, refused_fields
from tests.factories.bodies import at_once
from tests.factories.contacts import call, complaint
from tests.factories.subscribers import LEAVING, new_id, subscriber


def merge(api: httpx.Client, subscriber_id: str, duplicate_id: str) -> httpx.Response:
    return api.post(f"/v1/subscribers/{subscriber_id}/merges", json={"duplicate_id": duplicate_id})


def unmerge(api: httpx.Client, subscriber_id: str, duplicate_id: str) -> httpx.Response:
    return api.delete(f"/v1/subscribers/{subscriber_id}/merges/{duplicate_id}")


def read(api: httpx.Client, subscriber_id: str) -> Any:
    return api.get(f"/v1/subscribers/{subscriber_id}").json()


def facts(store: psycopg.Connection, *ids: str) -> list[list[Any]]:
    tables = ("interactions", "complaints", "feature_snapshots", "tasks", "client_references")
    queries = [f"SELECT t::text FROM {name} t WHERE subscriber_id = ANY(%s) ORDER BY 1" for name in tables]  # noqa: S608  # our own names
    return [store.execute(query.encode(), [list(ids)]).fetchall() for query in queries]


def history(api: httpx.Client, subscriber_id: str) -> set[str]:
    found = api.get("/v1/interactions", params={"subscriber_id": subscriber_id}).json()["items"]
    return {contact["subscriber_id"] for contact in found}


def test_a_merged_id_points_to_the_one_that_stays(api: httpx.Client) -> None:
    survivor, duplicate = subscriber(api), subscriber(api, region="east")
    merged = merge(api, survivor, duplicate)

    assert merged.status_code == 201
    assert merged.headers["location"] == f"/v1/subscribers/{survivor}/merges/{duplicate}"
    assert merged.json() == {"subscriber_id": survivor, "duplicate_id": duplicate}
    assert (read(api, duplicate)["merged_into"], read(api, duplicate)["region"]) == (survivor, "east")
    assert read(api, survivor)["merged_into"] is None


def test_history_follows_from_whichever_id_is_asked(api: httpx.Client) -> None:
    survivor, duplicate = subscriber(api), subscriber(api)
    for one in (survivor, duplicate):
        api.post("/v1/interactions", json=call(one))
    merge(api, survivor, duplicate)

    assert history(api, survivor) == history(api, duplicate) == {survivor, duplicate}
    unmerge(api, survivor, duplicate)
    assert (history(api, survivor), history(api, duplicate)) == ({survivor}, {duplicate})


def test_facts_never_move_and_a_merge_is_taken_back_exactly(api: httpx.Client, store: psycopg.Connection) -> None:
    survivor, duplicate = subscriber(api, features=LEAVING), subscriber(api, features=LEAVING, region="east")
    for one in (survivor, duplicate):
        api.post("/v1/interactions", json=call(one, need="leave", client_reference=f"of {one}"))
        api.post("/v1/complaints", json=complaint(one))
    before, profiles = facts(store, survivor, duplicate), [read(api, survivor), read(api, duplicate)]

    merge(api, survivor, duplicate)
    assert facts(store, survivor, duplicate) == before
    taken_back = unmerge(api, survivor, duplicate)

    assert (taken_back.status_code, taken_back.content) == (204, b"")
    assert facts(store, survivor, duplicate) == before
    told_anew = {"version": 3}
    for old, new in zip(profiles, [read(api, survivor), read(api, duplicate)], strict=True):
        assert new == old | told_anew | {"updated_at": new["updated_at"]}


def test_a_merge_that_is_made_already_is_answered_again(api: httpx.Client) -> None:
    survivor, duplicate = subscriber(api), subscriber(api)
    merge(api, survivor, duplicate)
    before = read(api, duplicate)
    again = merge(api, survivor, duplicate)

    assert (again.status_code, read(api, duplicate)) == (200, before)


def test_a_merge_makes_no_chain_and_takes_nobody_from_another(api: httpx.Client) -> None:
    one, two, three, four = (subscriber(api) for _ in range(4))
    merge(api, one, two)

    problem(merge(api, two, three), 409)  # the survivor is itself merged
    problem(merge(api, three, one), 409)  # the duplicate has others merged into it
    problem(merge(api, three, two), 409)  # the duplicate is merged elsewhere
    problem(merge(api, two, one), 409)
    assert merge(api, one, three).status_code == 201
    assert merge(api, one, four).status_code == 201
    assert [read(api, id)["merged_into"] for id in (one, two, three, four)] == [None, one, one, one]


def test_who_is_not_known_cannot_be_merged(api: httpx.Client) -> None:
    known = subscriber(api)

    problem(merge(api, "nobody", known), 404)
    assert refused_fields(merge(api, known, "nobody")) == {"/duplicate_id"}
    assert refused_fields(merge(api, known, known)) == {"/duplicate_id"}


def test_only_a_merge_that_stands_can_be_taken_back(api: httpx.Client) -> None:
    survivor, duplicate, other = (subscriber(api) for _ in range(3))
    merge(api, survivor, duplicate)

    problem(unmerge(api, other, duplicate), 404)
    problem(unmerge(api, duplicate, survivor), 404)
    problem(unmerge(api, survivor, "nobody"), 404)
    problem(unmerge(api, "nobody", duplicate), 404)
    assert unmerge(api, survivor, duplicate).status_code == 204
    problem(unmerge(api, survivor, duplicate), 404)


def test_of_merges_this_way_and_that_at_once_one_is_made(api: httpx.Client) -> None:
    one, two = subscriber(api), subscriber(api)
    answers = at_once(8, lambda n: merge(api, one, two) if n % 2 else merge(api, two, one))

    assert sorted({answer.status_code for answer in answers}) in ([201, 409], [200, 201, 409])
    assert [read(api, one)["merged_into"], read(api, two)["merged_into"]].count(None) == 1


def test_what_was_done_to_an_identity_is_noted_by_pseudonyms(api: httpx.Client, store: psycopg.Connection) -> None:
    survivor, duplicate = f"noted-{new_id()}", f"noted-{new_id()}"
    pseudonyms: list[Any] = []
    for one in (survivor, duplicate):
        api.put(f"/v1/subscribers/{one}", json={})
        row = store.execute("SELECT pseudonym FROM subscribers WHERE subscriber_id = %s", [one]).fetchone()
        assert row
        pseudonyms += row
    merge(api, survivor, duplicate)
    unmerge(api, survivor, duplicate)

    query = "SELECT event, details FROM audit_entries WHERE pseudonym = %s ORDER BY id"
    noted = store.execute(query, [pseudonyms[1]]).fetchall()
    into = {"into": str(pseudonyms[0])}
    assert noted == [("merged", into), ("unmerged", into)]
