"""A little of the weather, in every run of the tests; all of it is `make weather`."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.factories.answers import CANARY
from tests.weather import counts, exactly_once, faults, migrated, restarts, restored
from tests.weather.ledger import compare
from tests.weather.variants import variant
from tests.weather.world import World, world

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(models_dir: Path) -> Iterator[World]:
    with world(models_dir) as spoiled:
        yield spoiled


@pytest.fixture
def spoiled(made: World) -> Iterator[World]:
    """A world in which nothing serves yet, and nothing does afterwards."""
    yield made
    made.end()
    made.road.open()


def test_what_was_acknowledged_is_there_once_whatever_fails_and_in_a_restored_backup_too(spoiled: World) -> None:
    """Requirement K4."""
    kinds = (faults.kill_postgres, faults.cut_after_commit, faults.kill_service, faults.reset)
    seen = exactly_once.weather(spoiled, faults=len(kinds), writes=100, kinds=kinds, calm=0.7)

    assert seen.findings.clean, seen.findings
    assert seen.ledger.replays > 0
    assert seen.ledger.slowest < 2.8
    before = restored.audit(spoiled, spoiled.database_url)
    address = restored.restore(spoiled)
    assert compare(spoiled.reading(restored.RESTORED), seen.ledger).clean
    assert restored.audit(spoiled, address) == before


def test_what_callers_counted_is_what_two_processes_say_together(spoiled: World) -> None:
    spoiled.serve(2)
    told, shown = asyncio.run(counts.count(spoiled, 200))
    assert told == shown


def test_a_part_that_is_up_is_shown_as_up_whichever_process_is_asked_first(spoiled: World) -> None:
    spoiled.serve(2)
    shown = httpx.get(f"{spoiled.url}/metrics").text
    for name in ("store_up", "store_durable", "scoring_up", "requests_inside"):
        assert f"stayline_{name} 1.0" in shown, name


def test_a_service_that_is_stopped_says_so_first_and_loses_nothing(spoiled: World) -> None:
    seen = asyncio.run(restarts.stop_and_start(spoiled, 1))
    assert (seen.not_ready, seen.broken.total(), seen.failed) == (1, 0, 0)
    assert seen.sent > 20
    assert max(seen.stops) < 10


def test_processes_are_replaced_one_by_one_and_no_request_fails(spoiled: World) -> None:
    seen = asyncio.run(restarts.roll(spoiled, 1))
    assert seen.failed == 0
    assert seen.sent > 20


def test_the_schema_goes_up_and_down_under_load_with_both_versions_serving(spoiled: World) -> None:
    with variant(migrated.CHANGES) as code:
        migrated.add_migration(code)
        now, then, longest = asyncio.run(migrated.migrate(spoiled, code, rounds=1, seconds=2))
    assert set(now.statuses) == set(then.statuses) == {201}
    assert max(now.seconds(201)) < 2
    assert longest < 5


def test_traces_name_routes_and_nobody(spoiled: World) -> None:
    with collecting() as (url, received):
        spoiled.serve(OTEL_EXPORTER_OTLP_ENDPOINT=url, OTEL_BSP_SCHEDULE_DELAY="50")
        with httpx.Client(base_url=spoiled.url, headers={"authorization": f"Bearer {spoiled.key}"}) as api:
            api.get(f"/v1/subscribers/{CANARY}", params={"name": CANARY}, headers={"user-agent": CANARY})
            api.post("/v1/subscribers/search", json={"phone": CANARY})
        spoiled.stop()

    spans = [
        span
        for body in received
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    assert {"GET /v1/subscribers/{subscriber_id}", "POST /v1/subscribers/search"} <= {span.name for span in spans}
    assert not [body for body in received if CANARY.encode() in body]


@contextmanager
def collecting() -> Iterator[tuple[str, list[bytes]]]:
    """A collector of traces: its address, and what it was sent."""
    received: list[bytes] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", received
        server.shutdown()
