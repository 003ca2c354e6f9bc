"""What surrounds every request: its id, its limits, its line in the log and in the metrics."""

import gzip
import json
from collections.abc import Iterator

import httpx
import pytest

from app.routers.edge import MOST_BATCH_BYTES, MOST_BODY_BYTES, MOST_HEADER_BYTES
from app.settings import Settings
from tests.conftest import serving
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
    return MOST_BATCH_BYTES if operation.path.endswith(("/batch", "/infer")) else MOST_BODY_BYTES


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


SAFETY = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}


@pytest.mark.parametrize(
    "path", ["/livez", "/v1/features", "/v1/subscribers/nobody", "/nowhere", "/metrics", "/openapi.json"]
)
def test_every_answer_tells_browsers_that_it_is_nothing_more(api: httpx.Client, path: str) -> None:
    found = api.get(path).headers
    assert {name: found[name] for name in SAFETY} == SAFETY


def test_the_description_may_run_its_own_script_and_nobody_elses(api: httpx.Client) -> None:
    policy = api.get("/docs").headers["content-security-policy"]
    assert policy.startswith("default-src 'self'")
    assert "frame-ancestors 'none'" in policy


def preflight(api: httpx.Client, origin: str) -> httpx.Response:
    asked = {
        "origin": origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization",
    }
    return api.options("/v1/decisions", headers=asked)


def test_no_page_of_another_origin_may_ask(api: httpx.Client) -> None:
    for answer in (preflight(api, "https://crm.example"), api.get("/livez", headers={"origin": "https://crm.example"})):
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_pages_of_the_origins_that_are_named_may_ask(settings: Settings) -> None:
    told = Settings.model_validate(settings.model_dump() | {"allowed_origins": ["https://crm.example"]})
    with serving(told) as running:
        allowed, refused = (preflight(running.client, f"https://{name}.example") for name in ("crm", "evil"))
        assert allowed.headers["access-control-allow-origin"] == "https://crm.example"
        assert "access-control-allow-credentials" not in allowed.headers
        assert "access-control-allow-origin" not in refused.headers
        seen = running.client.get("/livez", headers={"origin": "https://crm.example"})
        assert "X-Request-ID" in seen.headers["access-control-expose-headers"]


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate, gzip", "identity, gzip", "x"])
def test_a_body_that_would_have_to_be_unpacked_is_refused(api: httpx.Client, encoding: str) -> None:
    content = gzip.compress(json.dumps({"id_prefix": "sub"}).encode())
    headers = {"content-encoding": encoding, "content-type": "application/json"}
    problem(api.post("/v1/subscribers/search", content=content, headers=headers), 415)
