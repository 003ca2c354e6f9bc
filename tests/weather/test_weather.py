"""A little of the weather, in every run of the tests; all of it is `make weather`."""

import asyncio
import subprocess
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from app.embedded.postgres import program
from tests.factories.answers import CANARY
from tests.factories.contacts import call
from tests.factories.grounds import lay_grounds
from tests.factories.lives import CANARIES, NAME, PHONE, SAID, Life
from tests.factories.subscribers import subscriber
from tests.weather import counts, exactly_once, faults, hostile, migrated, restarts, restored
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
        with spoiled.client() as api:
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


def test_what_identifies_somebody_shows_nowhere_but_in_answers(spoiled: World) -> None:
    """Not in the log at its most talkative, the metrics, a dump, the store's own files, nor any process's arguments."""
    spoiled.serve(STAYLINE_LOG_LEVEL="DEBUG")
    spoiled.start("worker", STAYLINE_LOG_LEVEL="DEBUG")
    with spoiled.client() as api:
        life = Life(api)
        refused = [
            api.post("/v1/subscribers/search", json={"phone": PHONE, "name": NAME}),
            api.put(life.path, json={"contact": {"phone": f"{PHONE} {NAME}"}}),
            api.post("/v1/interactions", json={"subscriber_id": NAME, "reason": SAID}),
            api.get(
                f"/v1/subscribers/{PHONE}{NAME}", headers={"x-request-id": NAME, "authorization": f"Bearer {PHONE}"}
            ),
        ]
        shown = [api.get("/metrics").text, *(answer.text for answer in refused)]
        assert api.post("/v1/subscribers/search", json={"phone": PHONE}).json()["items"][0]["subscriber_id"] == life.id
        found = in_files(spoiled.postgres_home, CANARIES), in_processes(CANARIES)
    assert all(answer.is_client_error for answer in refused)
    spoiled.stop()
    dump = subprocess.run(
        [program("pg_dump"), spoiled.database_url, "--inserts"], check=True, capture_output=True, text=True
    ).stdout
    assert life.id in dump
    shown += [dump, spoiled.log.read_text(errors="replace")]
    assert [canary for canary in CANARIES for text in shown if canary in text] == []
    assert found == (set(), set())


def test_what_is_the_same_is_sealed_differently(spoiled: World) -> None:
    spoiled.serve()
    with spoiled.client() as api:
        people = [subscriber(api, contact={"phone": PHONE, "name": NAME}) for _ in range(2)]
        for _ in range(2):
            api.post("/v1/interactions", json=call(people[0], reason=SAID)).raise_for_status()
    with spoiled.store() as store:
        contacts = store.execute("SELECT contact FROM subscribers WHERE subscriber_id = ANY(%s)", [people]).fetchall()
        reasons = store.execute("SELECT reason FROM interactions WHERE subscriber_id = %s", [people[0]]).fetchall()
    assert len(set(contacts)) == len(contacts) == 2
    assert len(set(reasons)) == len(reasons) == 2


def in_files(folder: Path, texts: Iterable[str]) -> set[str]:
    """Which of them stand in any file below a folder, as it is."""
    return {
        text for path in folder.rglob("*") if path.is_file() for text in texts if text.encode() in path.read_bytes()
    }


def in_processes(texts: Iterable[str]) -> set[str]:
    """Which of them stand in the arguments of any process."""
    told = b""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            told += path.read_bytes()
    return {text for text in texts if text.encode() in told}


def test_a_hostile_caller_gets_nowhere(spoiled: World) -> None:
    """A little of `hostile`: each three hundredth case, all broken frames, and a few of schemathesis' own."""
    spoiled.serve(STAYLINE_LOG_LEVEL="WARNING")
    seen = hostile.Seen()
    with spoiled.client() as api:
        grounds = lay_grounds(api)
        hostile.corpus(api, grounds, seen, thinned=97)
    assert seen.cases > 150
    assert seen.wrong == []
    assert hostile.broken_framing(spoiled) == []
    cases, failures = hostile.fuzz(spoiled, 2, "--phases=examples,fuzzing")
    assert cases > 100
    assert failures == []
