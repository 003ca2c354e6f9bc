"""What surrounds every request: its id, its limits, its line in the log and in the metrics."""

import json
from collections.abc import Iterator

import httpx
import pytest

from app.routers.edge import MOST_BATCH_BYTES, MOST_BODY_BYTES, MOST_HEADER_BYTES
from tests.factories.answers import CANARY, problem
from tests.factories.grounds import Grounds
from tests.factories.operations import Operation, closed, writes

JSON = {"content-type": "application/json"}
every_write = pytest.mark.parametrize("operation", writes(), ids=str)


def test_a_caller_may_name_its_request(api: httpx.Client) -> None:
    answer = api.get("/livez", headers={"x-request-id": "crm.2026-10-31_0001"})

    assert answer.headers["x-request-id"] == "crm.2026-10-31_0001"


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "a;b", "<script>", "é"])
def test_a_request_id_that_could_forge_a_log_line_is_replaced(api: httpx.Client, given: str) -> None:
    answer = api.get("/v1/nothing", headers=[(b"x-request-id", given.encode("latin-1"))])

    assert answer.headers["x-request-id"] != given
    assert problem(answer, 404)["request_id"] == answer.headers["x-request-id"]


def test_requests_have_ids_of_their_own(api: httpx.Client) -> None:
    assert len({api.get("/livez").headers["x-request-id"] for _ in range(20)}) == 20


def most(operation: Operation) -> int:
    """A mebibyte; thirty-two for many items at once."""
    return MOST_BATCH_BYTES if operation.path.endswith("/batch") else MOST_BODY_BYTES


@every_write
def test_a_body_over_its_most_is_refused(api: httpx.Client, grounds: Grounds, operation: Operation) -> None:
    request = grounds.request(operation)
    content = json.dumps(request.body).encode().ljust(most(operation) + 1)

    problem(request.send(api, content=content, headers=request.headers | JSON), 413)


@every_write
def test_a_body_that_grows_over_its_most_is_refused(api: httpx.Client, grounds: Grounds, operation: Operation) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(most(operation) // 2**16):
            yield b" " * 2**16
        yield b"{}"

    request = grounds.request(operation)
    answer = request.send(api, content=pieces(), headers=request.headers | JSON)

    assert answer.request.headers["transfer-encoding"] == "chunked"
    problem(answer, 413)


@every_write
def test_a_body_of_its_most_is_taken(api: httpx.Client, grounds: Grounds, operation: Operation) -> None:
    request = grounds.request(operation)
    content = json.dumps(request.body).encode().ljust(most(operation))

    assert request.send(api, content=content, headers=request.headers | JSON).is_success


def test_headers_over_64_kibibytes_are_refused(api: httpx.Client) -> None:
    problem(api.get("/livez", headers={"x-long": CANARY * (MOST_HEADER_BYTES // len(CANARY) + 1)}), 431)


def test_metrics_name_the_route_and_never_the_path(api: httpx.Client) -> None:
    api.get(f"/v1/subscribers/{CANARY}")
    api.get(f"/v1/nothing/{CANARY}")

    shown = api.get("/metrics").text
    assert 'route="/v1/subscribers/{subscriber_id}"' in shown
    assert CANARY not in shown


def test_no_log_line_repeats_what_was_sent(
    api: httpx.Client, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level("DEBUG", logger="app"), caplog.at_level("DEBUG", logger="stayline"):
        api.put(f"/v1/subscribers/{CANARY}", json={"contact": {"name": CANARY}})
        api.get(f"/v1/subscribers/{CANARY}/{CANARY}", params={"q": CANARY}, headers={"x-request-id": f"{CANARY};"})
        api.post("/v1/scores", json={CANARY: CANARY})
        api.post("/v1/scores", content=CANARY, headers=JSON | {"authorization": f"Bearer {CANARY}"})

    assert CANARY not in caplog.text + "".join(capfd.readouterr())


@pytest.mark.parametrize("operation", closed(), ids=str)
def test_every_operation_is_measured_under_its_own_name(
    api: httpx.Client, grounds: Grounds, operation: Operation
) -> None:
    api.request(operation.method, grounds.path(operation), headers={"authorization": "Bearer nobody"})

    assert f'method="{operation.method}",route="{operation.path}",status="401"' in api.get("/metrics").text
