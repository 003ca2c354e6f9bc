"""Whatever stands in a body, each write takes it or says what is wrong: never a 5xx, never an echo."""

import json
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.factories import hell
from tests.factories.answers import never_5xx, problem
from tests.factories.grounds import Grounds
from tests.factories.operations import Operation, writes
from tests.service import Service

JSON = {"content-type": "application/json"}
OTHER_TYPES = ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/json"]
every_write = pytest.mark.parametrize("operation", writes(), ids=str)


def send(api: httpx.Client, grounds: Grounds, operation: Operation, content: bytes) -> httpx.Response:
    request = grounds.request(operation)
    answer = request.send(api, content=content, headers=request.headers | JSON)
    assert answer.status_code in operation.statuses, f"{answer.status_code} is not described"
    return answer


@every_write
def test_the_described_example_is_taken(api: httpx.Client, grounds: Grounds, operation: Operation) -> None:
    answer = grounds.request(operation).send(api)

    assert answer.is_success, answer.text


@every_write
def test_what_is_no_json_is_malformed(api: httpx.Client, grounds: Grounds, operation: Operation) -> None:
    for content in hell.MALFORMED.values():
        problem(send(api, grounds, operation, content), 400)


@every_write
def test_what_is_no_object_is_refused(api: httpx.Client, grounds: Grounds, operation: Operation) -> None:
    for content in hell.NOT_OBJECTS.values():
        problem(send(api, grounds, operation, content), 422)


@every_write
def test_a_value_that_nothing_can_hold_is_refused_wherever_it_stands(
    api: httpx.Client, grounds: Grounds, operation: Operation
) -> None:
    body = grounds.body(operation)
    *_, last = hell.places(body)
    for place in {next(hell.places(body)), last}:
        for raw in hell.UNFIT.values():
            problem(send(api, grounds, operation, hell.with_raw(body, place, raw)), 422)


@every_write
def test_an_odd_value_is_taken_or_refused_wherever_it_stands(
    api: httpx.Client, grounds: Grounds, operation: Operation
) -> None:
    body = grounds.body(operation)
    for place in hell.unlike_places(body):
        for raw in hell.ODD.values():
            never_5xx(send(api, grounds, operation, hell.with_raw(body, place, raw)))


@pytest.mark.parametrize("shape", [("[", '"\\ud800"', "]"), ('{"a":', '"\\u0000"', "}")], ids=["lists", "objects"])
def test_an_unfit_text_is_refused_however_deep_it_stands(
    api: httpx.Client, grounds: Grounds, shape: tuple[str, str, str]
) -> None:
    opening, unfit, closing = shape
    score = next(operation for operation in writes() if operation.id == "score_subscriber")
    for depth in (*range(940, 980), 2_000, 9_000, 20_000):  # about where the parser gives up, and far beyond
        body = opening * depth + unfit + closing * depth
        problem(send(api, grounds, score, body.encode()), 400, 422)


@every_write
def test_another_content_type_is_refused(api: httpx.Client, grounds: Grounds, operation: Operation) -> None:
    request = grounds.request(operation)
    content = json.dumps(request.body).encode()
    for content_type in OTHER_TYPES:
        headers = request.headers | {"content-type": content_type}
        problem(request.send(api, content=content, headers=headers), 415)


@every_write
def test_json_with_a_charset_is_json(api: httpx.Client, grounds: Grounds, operation: Operation) -> None:
    request = grounds.request(operation)
    headers = request.headers | {"content-type": "Application/JSON; charset=utf-8"}

    assert request.send(api, content=json.dumps(request.body).encode(), headers=headers).is_success


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@every_write
@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow],
)
@given(data=st.data())
def test_no_body_is_answered_with_a_5xx(
    service: Service, grounds: Grounds, operation: Operation, data: st.DataObject
) -> None:
    known: dict[str, Any] = grounds.body(operation) or {}
    changed = data.draw(st.fixed_dictionaries({}, optional=dict.fromkeys([*known, "unknown"], anything)))
    body = data.draw(st.just(known | changed) | anything)
    # Python's own writer gives NaN, Infinity, lone surrogates and huge ints just as a careless client would.
    never_5xx(send(service.client, grounds, operation, json.dumps(body).encode()))
