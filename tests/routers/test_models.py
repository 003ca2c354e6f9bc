"""Models are switched while requests are answered: none fails, and each answer names the model that made it."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from app.domain.access import SCOPES
from app.ml import registry
from app.ml.bundle import BundleRefused
from app.ml.pointer import POINTER, Pointer, read_pointer
from app.settings import Settings
from tests.conftest import make_key, make_settings, serving
from tests.factories.answers import not_now, problem
from tests.factories.candidates import FORBIDDEN, WRONG, changed, put, shifted
from tests.factories.pages import walk
from tests.factories.subscribers import LEAVING
from tests.factories.tables import open_store
from tests.service import Service, client_of, serving_process

SWITCHED = 5.0  # seconds
SHIFT = 1.0
_numbers = count(1)


@dataclass(frozen=True)
class House:
    """A running service with a registry and a database of the test's own; `older` is active, `newer` can be."""

    service: Service
    older: Path
    newer: Path

    @property
    def api(self) -> httpx.Client:
        return self.service.client

    @property
    def root(self) -> Path:
        return self.service.settings.models_dir

    def activate(self, directory: Path, **headers: str) -> httpx.Response:
        path = f"/v1/models/churn/versions/{directory.name}/activate"
        return self.api.post(path, headers=headers, timeout=30)

    def version(self) -> str:
        return str(score(self.api)["model"]["version"])

    def settles_on(self, directory: Path) -> float:
        return until(lambda: self.version() == directory.name)


@dataclass
class Load:
    """Requests made one after another, by several clients at once: what was answered, and how often that failed."""

    answers: set[tuple[str, float]] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)
    requests: int = 0

    @property
    def versions(self) -> set[str]:
        return {version for version, _ in self.answers}


def score(api: httpx.Client) -> dict[str, Any]:
    answer: dict[str, Any] = api.post("/v1/scores", json={"features": LEAVING}).raise_for_status().json()
    return answer


def until(holds: Callable[[], bool], patience: float = 2 * SWITCHED) -> float:
    """Wait until something holds; return the seconds that took."""
    started_at = time.monotonic()
    while not holds():
        assert time.monotonic() < started_at + patience, "it never came to hold"
        time.sleep(0.02)
    return time.monotonic() - started_at


@contextmanager
def under_load(base_url: str, key: str, clients: int = 2) -> Iterator[Load]:
    load, done = Load(), threading.Event()

    def ask() -> None:
        # A connection each time: of several processes, any may answer.
        with client_of(base_url, key) as api:
            api.headers["Connection"] = "close"
            while not done.is_set():
                _ask(api, load)

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        done.set()
        for thread in threads:
            thread.join()


def _ask(api: httpx.Client, load: Load) -> None:
    try:
        answer = score(api)
    except httpx.HTTPError as error:
        load.failures.append(repr(error))
        return
    load.requests += 1
    load.answers.add((answer["model"]["version"], round(answer["logit"], 9)))


def _read_or_none(root: Path) -> Pointer | None:
    with suppress(BundleRefused):
        return read_pointer(root)
    return None


def make_registry(models_dir: Path, root: Path) -> tuple[Path, Path]:
    shutil.copytree(models_dir, root)
    active = read_pointer(root)["port_out"]
    older = root / active.name / active.version
    return older, shifted(older, SHIFT)


@pytest.fixture
def own_settings(new_database: Callable[[str], str], tmp_path: Path, worker_id: str) -> Settings:
    return make_settings(new_database(f"models_{worker_id}_{next(_numbers)}"), tmp_path / "models")


@pytest.fixture
def house(own_settings: Settings, models_dir: Path) -> Iterator[House]:
    older, newer = make_registry(models_dir, own_settings.models_dir)
    with serving(own_settings) as running:
        yield House(running, older, newer)


@pytest.fixture
def rows(own_settings: Settings) -> Iterator[Callable[[], list[tuple[Any, ...]]]]:
    """What the store remembers of switches, the first one first."""

    def read(store: psycopg.Connection) -> list[tuple[Any, ...]]:
        query = "SELECT version, previous_version, activated_by FROM model_activations ORDER BY activated_at"
        return store.execute(query).fetchall()

    with open_store(own_settings) as store:
        yield lambda: read(store)


def test_an_activated_model_answers_at_once_and_the_one_before_is_named(house: House) -> None:
    # C8
    before = score(house.api)
    answer = house.activate(house.newer).json()
    after = score(house.api)

    assert {name: answer[name] for name in ("name", "version", "churn_kind", "active")} == {
        "name": "churn",
        "version": house.newer.name,
        "churn_kind": "port_out",
        "active": True,
    }
    assert answer["previous"] == {"name": "churn", "version": house.older.name}
    assert (before["model"]["version"], after["model"]["version"]) == (house.older.name, house.newer.name)
    assert after["logit"] == pytest.approx(before["logit"] + SHIFT, abs=1e-9)
    listed = {model["version"]: model["active"] for model in house.api.get("/v1/models").json()["items"]}
    assert listed == {house.older.name: False, house.newer.name: True}


def test_switches_are_remembered_with_who_made_them(
    house: House, rows: Callable[[], list[tuple[Any, ...]]], own_settings: Settings
) -> None:
    # C8, C19
    with open_store(own_settings) as store:
        (caller,) = store.execute("SELECT id::text FROM api_keys").fetchone() or ("",)
    house.activate(house.newer)
    house.activate(house.older)

    assert rows() == [
        (house.older.name, None, "command line"),
        (house.newer.name, house.older.name, caller),
        (house.older.name, house.newer.name, caller),
    ]
    listed = walk(house.api, "/v1/models/activations", 2)
    assert [item["version"] for item in listed] == [house.older.name, house.newer.name, house.older.name]
    assert (listed[0]["activated_by"], listed[0]["previous"]["version"]) == (caller, house.newer.name)
    assert listed[-1]["previous"] is None
    assert house.api.get("/v1/models/activations", params={"churn_kind": "downgrade"}).json()["items"] == []


def test_a_switch_that_is_repeated_is_made_once(house: House, rows: Callable[[], list[tuple[Any, ...]]]) -> None:
    first = house.activate(house.newer, **{"idempotency-key": "once"})
    again = house.activate(house.newer, **{"idempotency-key": "once"})
    anew = house.activate(house.newer)

    assert first.json() == again.json() == anew.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert len(rows()) == 2


def test_a_switch_that_the_store_does_not_commit_is_recorded_when_it_can_be(
    house: House, rows: Callable[[], list[tuple[Any, ...]]], own_settings: Settings
) -> None:
    until(lambda: len(rows()) == 1)
    with open_store(own_settings) as store:
        store.execute("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not today'; END $$")
        store.execute(
            "CREATE CONSTRAINT TRIGGER refusal AFTER INSERT ON model_activations"
            " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()"
        )
        assert house.activate(house.newer).status_code == 500
        assert house.version() == house.newer.name
        (caller,) = store.execute("SELECT id::text FROM api_keys").fetchone() or ("",)
        assert len(rows()) == 1
        store.execute("DROP TRIGGER refusal ON model_activations")

    until(lambda: len(rows()) == 2)
    assert rows()[-1] == (house.newer.name, house.older.name, caller)
    assert house.activate(house.newer).json()["previous"]["version"] == house.older.name


def test_a_trial_may_last_longer_than_a_transaction_may_be_idle(
    new_database: Callable[[str], str], models_dir: Path, tmp_path: Path, worker_id: str
) -> None:
    _, newer = make_registry(models_dir, tmp_path / "models")
    database = new_database(f"models_{worker_id}_{next(_numbers)}")
    settings = make_settings(database, tmp_path / "models", statement_timeout_seconds=0.25)  # idle: twice that
    with serving(settings) as running:
        path = f"/v1/models/churn/versions/{newer.name}/activate"
        assert running.client.post(path, headers={"idempotency-key": "slow"}).is_success


def test_what_is_not_registered_is_not_found(house: House) -> None:
    for path in ("churn/versions/20261031-0123456789ab", "nothing/versions/20261031-0123456789ab", "churn/versions/x"):
        problem(house.api.post(f"/v1/models/{path}/activate"), 404)


@pytest.mark.slow
def test_no_bad_candidate_harms_who_is_served_meanwhile(house: House) -> None:
    # P6
    bad = {**FORBIDDEN, **WRONG}
    candidates = {kind: (put(house.older, changed(house.older, change)), why) for kind, (change, why) in bad.items()}
    model = (house.older / "model.onnx").read_bytes()
    candidates["cut short"] = (put(house.older, model[: len(model) // 2]), "cut short")
    candidates["empty"] = (put(house.older, b""), "holds no graph")
    candidates["another hash"] = (put(house.older, model, day="20261105"), "checksum")
    with (candidates["another hash"][0] / "model.onnx").open("ab") as file:
        file.write(b"\0")

    with under_load(house.service.base_url, house.service.key) as load:
        for kind, (candidate, why) in candidates.items():
            answer = house.activate(candidate)
            detail = problem(answer, 409)["detail"]
            assert any(part in detail for part in why.split("|")), (kind, detail)
            assert answer.elapsed.total_seconds() < 30
    assert load.failures == []
    assert load.versions == {house.older.name}
    assert load.requests > 100


def test_a_switch_under_load_fails_no_request_and_each_answer_is_of_the_model_it_names(house: House) -> None:
    # P7
    logit = round(score(house.api)["logit"], 9)
    with under_load(house.service.base_url, house.service.key) as load:
        for directory in (house.newer, house.older, house.newer):
            assert house.activate(directory).json()["active"]
    assert load.failures == []
    assert load.answers == {(house.older.name, logit), (house.newer.name, round(logit + SHIFT, 9))}


def test_a_switch_on_the_command_line_is_followed_and_recorded(
    house: House, rows: Callable[[], list[tuple[Any, ...]]]
) -> None:
    registry.activate(house.root, "churn", house.newer.name)

    assert house.settles_on(house.newer) < SWITCHED
    until(lambda: (house.newer.name, house.older.name, "command line") in rows())
    registry.roll_back(house.root)
    assert house.settles_on(house.older) < SWITCHED


def test_a_pointer_that_is_lost_is_put_back_from_what_the_store_knows(house: House) -> None:
    house.activate(house.newer)
    pointer = read_pointer(house.root)
    (house.root / POINTER).write_text("{")

    until(lambda: _read_or_none(house.root) == pointer)
    assert house.version() == house.newer.name
    until(lambda: "stayline_models_refused 0.0" in house.api.get("/metrics").text)


def test_a_host_takes_up_what_was_activated_on_another(house: House, own_settings: Settings, tmp_path: Path) -> None:
    # Another host has its own registry, with the same versions in it, and the same store.
    shutil.copytree(house.root, tmp_path / "other")
    with serving(own_settings.model_copy(update={"models_dir": tmp_path / "other"})) as other:
        assert score(other.client)["model"]["version"] == house.older.name
        house.activate(house.newer)
        until(lambda: score(other.client)["model"]["version"] == house.newer.name)
        assert read_pointer(tmp_path / "other") == read_pointer(house.root)
    # One that was away meanwhile takes it up when it is back.
    house.activate(house.older)
    with serving(own_settings.model_copy(update={"models_dir": tmp_path / "other"})) as other:
        until(lambda: score(other.client)["model"]["version"] == house.older.name)


def test_what_another_host_activated_and_is_not_here_is_told_and_the_old_one_serves_on(
    house: House, own_settings: Settings, tmp_path: Path
) -> None:
    shutil.copytree(house.root, tmp_path / "other")
    shutil.rmtree(tmp_path / "other" / "churn" / house.newer.name)
    with serving(own_settings.model_copy(update={"models_dir": tmp_path / "other"})) as other:
        house.activate(house.newer)
        until(lambda: "stayline_models_refused 1.0" in other.client.get("/metrics").text)
        assert score(other.client)["model"]["version"] == house.older.name


def test_a_registry_that_cannot_be_written_says_so(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_only(*_: object) -> None:
        raise OSError("read-only file system")

    monkeypatch.setattr("os.fsync", read_only)
    not_now(house.activate(house.newer))
    assert house.version() == house.older.name


@pytest.mark.slow
def test_every_process_switches_within_five_seconds_and_no_request_fails(
    own_settings: Settings, models_dir: Path
) -> None:
    older, newer = make_registry(models_dir, own_settings.models_dir)
    key = make_key(own_settings, SCOPES)
    with serving_process(own_settings, workers=2) as url, under_load(url, key, clients=4) as load:
        until(lambda: load.requests > 100)
        registry.activate(own_settings.models_dir, "churn", newer.name)
        assert settled(load, newer.name)
        path = f"{url}/v1/models/churn/versions/{older.name}/activate"
        answer = httpx.post(path, headers={"Authorization": f"Bearer {key}"}, timeout=30).json()
        assert answer["previous"] == {"name": "churn", "version": newer.name}
        assert settled(load, older.name)
    assert load.failures == []


def settled(load: Load, expected: str) -> bool:
    """Tell whether within five seconds nobody is answered by another model for a whole second."""
    give_up = time.monotonic() + SWITCHED
    while time.monotonic() < give_up:
        load.answers.clear()
        time.sleep(1)
        if load.versions == {expected}:
            return True
    return False
