"""Refusals name the field, say what is wrong with it, and repeat nothing of what was sent."""

from itertools import islice
from typing import Any

import httpx
import pytest

from app.schemas.base import encode_cursor
from tests.factories import hell
from tests.factories.answers import CANARY, never_5xx, problem, refused_fields
from tests.factories.grounds import Grounds
from tests.factories.operations import Operation, lists, operations, writes

every_write = pytest.mark.parametrize("operation", writes(), ids=str)
every_list = pytest.mark.parametrize("operation", lists(), ids=str)
TIMED = [operation for operation in writes() if "occurred_at" in operation.example]
ADDRESSED = [(operation, name) for operation in operations() for name in operation.path_parameters]
LIMITED = [operation for operation in operations() if operation.takes("query", "limit")]
TOO_MANY = {"get_pool": "1001"}  # everywhere else it is one more than a page holds
LIMITS = ["-1", "0", "NaN", "1e2", "1.5", "", "%00", "x", "9" * 30, "0x10", CANARY]
ID = "01a200e5-1bcf-7a83-9b61-5a26ac00dfee"
CURSORS = {
    "garbage": CANARY,
    "no base64": "%%%",
    "other letters": "ключ",
    "NUL": "\0",
    "too long": "A" * 513,
    "bytes that are no text": "_____w",
    "one part": encode_cursor(CANARY),
    "a part that is NUL": encode_cursor("\0"),
    "three parts": encode_cursor("a", "b", "c"),
    "no time": encode_cursor(CANARY, ID),
    "no id": encode_cursor("2026-10-31T09:30:00+00:00", CANARY),
    "a naive time": encode_cursor("2026-10-31T09:30:00", ID),
    "only a date": encode_cursor("2026-10-31", ID),
    "before all time": encode_cursor("0001-01-01T00:00:00+14:00", ID),
    "after all time": encode_cursor("9999-12-31T23:59:59.999999-14:00", ID),
    "an offset of seconds": encode_cursor("2026-10-31T09:30:00+00:00:01", ID),
}


@every_write
def test_a_field_that_is_not_known_is_refused_by_name(
    api: httpx.Client, grounds: Grounds, operation: Operation
) -> None:
    request = grounds.request(operation)
    answer = request.send(api, json={**(request.body or {}), "surprise": CANARY})

    assert refused_fields(answer) == {"/surprise"}


@every_write
def test_ten_thousand_fields_that_are_not_known_are_refused_in_a_short_answer(
    api: httpx.Client, grounds: Grounds, operation: Operation
) -> None:
    surprises = {f"surprise{number}": CANARY for number in range(10_000)}

    answer = grounds.request(operation).send(api, json=surprises)

    assert len(problem(answer, 422)["errors"]) == 20


@every_write
def test_keys_of_ten_thousand_characters_are_refused_in_a_short_answer(
    api: httpx.Client, grounds: Grounds, operation: Operation
) -> None:
    surprises = {f"{number}" + "k" * 10_000: 1 for number in range(50)}

    problem(grounds.request(operation).send(api, json=surprises), 422)


@every_write
def test_a_pointer_escapes_what_json_pointers_escape(api: httpx.Client, grounds: Grounds, operation: Operation) -> None:
    answer = grounds.request(operation).send(api, json={"a/b~c": 1})

    assert "/a~1b~0c" in refused_fields(answer)


@pytest.mark.parametrize("operation", TIMED, ids=str)
def test_what_is_no_time_with_an_offset_is_refused(api: httpx.Client, grounds: Grounds, operation: Operation) -> None:
    request = grounds.request(operation)
    for name, value in hell.NOT_TIMES.items():
        answer = request.send(api, json={**(request.body or {}), "occurred_at": value})
        assert refused_fields(answer) == {"/occurred_at"}, name


@pytest.mark.parametrize("operation", TIMED, ids=str)
def test_a_time_in_the_future_is_refused(api: httpx.Client, grounds: Grounds, operation: Operation) -> None:
    request = grounds.request(operation)
    answer = request.send(api, json={**(request.body or {}), "occurred_at": "2199-01-01T00:00:00Z"})

    assert refused_fields(answer) == {"/occurred_at"}


@pytest.mark.parametrize(("operation", "name"), ADDRESSED, ids=str)
def test_an_address_that_cannot_be_is_refused(
    api: httpx.Client, grounds: Grounds, operation: Operation, name: str
) -> None:
    request = grounds.request(operation)
    for evil in hell.ADDRESSES.values():
        path = grounds.path(operation, **{name: evil})
        answer = api.request(
            operation.method, path, headers=request.headers, params=request.params or None, json=request.body
        )
        problem(answer, 404, 422)


@pytest.mark.parametrize("operation", LIMITED, ids=str)
def test_a_limit_that_cannot_be_is_refused(api: httpx.Client, grounds: Grounds, operation: Operation) -> None:
    request = grounds.request(operation)
    for limit in (*LIMITS, TOO_MANY.get(operation.id, "201")):
        answer = request.send(api, params=request.params | {"limit": limit})
        assert refused_fields(answer) == {"/query/limit"}


@every_list
def test_a_cursor_that_the_list_did_not_give_does_no_harm(
    api: httpx.Client, grounds: Grounds, operation: Operation
) -> None:
    request = grounds.request(operation)
    for cursor in CURSORS.values():
        never_5xx(request.send(api, params=request.params | {"cursor": cursor}))


@every_list
def test_a_cursor_of_another_list_does_no_harm(api: httpx.Client, grounds: Grounds, operation: Operation) -> None:
    for other in lists():
        request = grounds.request(other)
        cursor = request.send(api, params=request.params | {"limit": "1"}).json()["next_cursor"]
        if cursor:
            mine = grounds.request(operation)
            never_5xx(mine.send(api, params=mine.params | {"cursor": cursor}))


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/v1/interactions", {}),
        ("/v1/interactions", {"subscriber_id": "\0"}),
        ("/v1/interactions", {"subscriber_id": f"{CANARY} {CANARY}"}),
        ("/v1/complaints", {"subscriber_id": "x" * 10_000}),
        ("/v1/complaints", {"status": CANARY}),
        ("/v1/complaints", {"status": "\0"}),
        ("/v1/feature-schema", {"churn_kind": CANARY}),
        ("/v1/feature-schema", {"churn_kind": "\0"}),
        ("/v1/subscribers/5281/next-best-actions", {}),
        ("/v1/subscribers/5281/next-best-actions", {"channel": CANARY}),
        ("/v1/subscribers/5281/next-best-actions", {"channel": "call", "direction": CANARY}),
        ("/v1/subscribers/5281/next-best-actions", {"channel": "call", "limit": "11"}),
        ("/v1/subscribers/5281/next-best-actions", {"channel": "call", "trace": CANARY}),
    ],
)
def test_a_query_that_cannot_be_is_refused_by_name(api: httpx.Client, path: str, query: dict[str, str]) -> None:
    answer = api.get(path, params=query)

    assert all(pointer.startswith(("/query/", "/churn_kind")) for pointer in refused_fields(answer))


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/nothing", "/v1/scores/", f"/v1/{CANARY}", "/v1/scores%00"])
def test_an_unknown_page_is_a_problem(api: httpx.Client, path: str) -> None:
    problem(api.get(path), 404)


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/scores"), ("DELETE", "/v1/features"), ("PROPFIND", "/livez")]
)
def test_a_method_that_is_not_offered_is_a_problem_that_names_those_that_are(
    api: httpx.Client, method: str, path: str
) -> None:
    answer = api.request(method, path)

    problem(answer, 405)
    assert answer.headers["allow"]


def test_a_header_that_cannot_be_is_refused(api: httpx.Client, grounds: Grounds) -> None:
    for operation in islice(writes(), 3, None):
        request = grounds.request(operation)
        evil: dict[str, Any] = {"idempotency-key": CANARY * 30, "if-match": CANARY * 30}
        if operation.takes("header", "idempotency-key") or operation.takes("header", "if-match"):
            problem(request.send(api, headers=request.headers | evil), 412, 422)


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/v1/actions/x", "GET, PUT"),
        ("/v1/subscribers/search", "POST"),
        ("/v1/subscribers/x", "DELETE, GET, PATCH, PUT"),
    ],
)
def test_a_path_tells_all_that_it_takes_instead(api: httpx.Client, path: str, allowed: str) -> None:
    answer = api.request("OPTIONS", path)
    problem(answer, 405)
    assert answer.headers["allow"] == allowed
