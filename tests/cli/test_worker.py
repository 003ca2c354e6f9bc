"""worker: what the clock demands, done by one of however many workers there are."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.settings import Settings
from tests.cli.command import Command
from tests.service import eventually, variables

SCRIPT = Path(sys.executable).with_name("stayline")
TOLD = {"complete_profiles", "link", "measure_revenue", "purge", "watch_groups"}
JOBS = TOLD | {"score"}


class Worker:
    """`stayline worker` in a process of its own; what it tells goes to a file."""

    def __init__(self, settings: Settings, log: Path) -> None:
        self.log = log
        with log.open("w") as file:
            environment = {"PATH": os.defpath, **variables(settings)}
            self.process = subprocess.Popen([SCRIPT, "worker"], cwd=log.parent, env=environment, stderr=file)

    def told(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines(keepends=True) if line.endswith("\n")]

    def events(self) -> list[str]:
        return [line["event"] for line in self.told()]

    def end(self, how: signal.Signals) -> tuple[int, float]:
        """Send a signal; return how it ended, and after how many seconds."""
        begun = time.monotonic()
        self.process.send_signal(how)
        return self.process.wait(timeout=20), time.monotonic() - begun


@pytest.fixture
def worker(own_settings: Settings, tmp_path: Path) -> Iterator[Callable[[str], Worker]]:
    started: list[Worker] = []

    def start(name: str) -> Worker:
        started.append(Worker(own_settings, tmp_path / f"{name}.log"))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()


def keep_an_old_answer(store: psycopg.Connection) -> None:
    """Leave a first answer that has expired."""
    store.execute("INSERT INTO api_keys VALUES (gen_random_uuid(), 'k', 'sl_k', '', '{}', NULL, now(), NULL, NULL)")
    store.execute(
        "INSERT INTO idempotency_answers SELECT id, 'x', '', '', 201, '{}', '', NULL, now() - interval '1 year'"
        " FROM api_keys"
    )


def answers(store: psycopg.Connection) -> int:
    row = store.execute("SELECT count(*) FROM idempotency_answers").fetchone()
    return row[0] if row else -1


def test_once_runs_each_job_once_and_prints_what_it_did(stayline: Command, store: psycopg.Connection) -> None:
    keep_an_old_answer(store)
    first, second = stayline.succeeds("worker", "--once"), stayline.succeeds("worker", "--once")

    told = dict(line.split(": ") for line in first.splitlines())
    assert told.keys() == JOBS
    assert told["complete_profiles"] == "0 profiles"
    assert "1 idempotency_answers" in told["purge"]
    assert "1 " not in second
    assert answers(store) == 0


def test_without_a_schema_it_says_so(stayline: Command, store: psycopg.Connection) -> None:
    store.execute("DROP TABLE alembic_version")

    assert "run `stayline migrate`" in stayline.fails("worker", "--once")


def test_without_a_store_one_turn_fails_in_one_line(bare: Command, own_settings: Settings) -> None:
    nowhere = variables(own_settings) | {"DATABASE_URL": "postgresql:///stayline?host=/nowhere"}

    assert "cannot be reached" in bare.fails("worker", "--once", **nowhere)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_works_by_the_schedule_until_it_is_told_to_end(
    worker: Callable[[str], Worker], store: psycopg.Connection, how: signal.Signals
) -> None:
    keep_an_old_answer(store)
    one = worker("one")
    eventually(lambda: one.events().count("job_done") == len(TOLD))
    code, seconds = one.end(how)

    assert (code, seconds < 1) == (0, True), seconds
    assert answers(store) == 0
    assert one.events() == ["worker_works", *["job_done"] * len(TOLD), "worker_ended"]
    done = {line["job"]: line["rows"] for line in one.told() if line["event"] == "job_done"}
    assert done["purge"]["idempotency_answers"] == 1


@pytest.mark.slow
def test_of_two_workers_one_works_and_the_other_takes_over(worker: Callable[[str], Worker]) -> None:
    one = worker("one")
    eventually(lambda: "worker_works" in one.events())
    two = worker("two")
    eventually(lambda: "worker_waits_for_another" in two.events())
    assert "worker_works" not in two.events()
    one.process.kill()

    eventually(lambda: two.events().count("job_done") == len(TOLD))
    assert two.end(signal.SIGTERM)[0] == 0


def test_a_worker_that_waits_ends_when_it_is_told_to(worker: Callable[[str], Worker]) -> None:
    one, two = worker("one"), worker("two")
    eventually(lambda: {"worker_waits_for_another"} <= {*one.events(), *two.events()})
    [waiting] = [each for each in (one, two) if "worker_waits_for_another" in each.events()]

    code, seconds = waiting.end(signal.SIGTERM)
    assert (code, seconds < 1) == (0, True), seconds


@pytest.mark.slow
def test_a_worker_whose_connection_is_cut_goes_on_with_another(
    worker: Callable[[str], Worker], store: psycopg.Connection
) -> None:
    one = worker("one")
    eventually(lambda: one.events().count("job_done") == len(TOLD))
    store.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")

    eventually(lambda: one.events().count("worker_works") == 2)
    assert one.process.poll() is None
