"""How the counts of what was scored get into the store, and what a broken store does to them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import psycopg
import pytest

from app.db import Sessions, StoreUnavailable, create_engine, create_sessions, transaction
from app.ml.bundle import Bundle
from app.ml.registry import active_bundles
from app.ml.traffic import Traffic
from app.services import drift, traffic
from app.settings import Settings
from tests.conftest import make_settings
from tests.factories.tables import open_store

AT = datetime(2026, 11, 3, 9, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def apart(new_database: Callable[[str], str], models_dir: Path, worker_id: str) -> Settings:
    """A store that no running service writes to."""
    return make_settings(new_database(f"traffic_{worker_id}"), models_dir)


@pytest.fixture(scope="module")
def bundle(models_dir: Path) -> Bundle:
    return active_bundles(models_dir)["port_out"]


@pytest.fixture
def store(apart: Settings) -> Iterator[psycopg.Connection]:
    with open_store(apart) as connection:
        connection.execute("DELETE FROM score_traffic")
        yield connection


def within(settings: Settings, use: Callable[[Sessions], Awaitable[None]]) -> None:
    async def run() -> None:
        engine = create_engine(settings)
        await use(create_sessions(engine))
        await engine.dispose()

    asyncio.run(run())


def save(settings: Settings, counted: Traffic, at: datetime = AT) -> None:
    within(settings, lambda sessions: traffic.save(sessions, counted, at))


def noted(bundle: Bundle, rows: int, at: datetime = AT) -> Traffic:
    counted = Traffic()
    note(counted, bundle, rows, at)
    return counted


def note(counted: Traffic, bundle: Bundle, rows: int, at: datetime = AT) -> None:
    nothing_known = np.full((rows, len(bundle.manifest.features)), np.nan, np.float32)
    counted.note(bundle, nothing_known, np.full(rows, 0.5), at.date())


def stored(store: psycopg.Connection) -> list[int]:
    """The rows each stored line counts: here all cells are missing, and so in the first bin."""
    return sorted(rows for (rows,) in store.execute("SELECT counts[1] FROM score_traffic"))


def rows_seen(settings: Settings, bundle: Bundle, own: Traffic) -> int:
    seen = []

    async def ask(sessions: Sessions) -> None:
        async with transaction(sessions) as session:
            manifest = bundle.manifest
            found = await drift.get_drift(
                session, settings.models_dir, own, manifest.name, manifest.version, days=7, at=AT
            )
            seen.append(found.rows)

    within(settings, ask)
    return seen[0]


def test_saving_again_changes_nothing_and_saving_more_counts_all(
    apart: Settings, store: psycopg.Connection, bundle: Bundle
) -> None:
    counted = noted(bundle, 3)
    save(apart, counted)
    save(apart, counted)
    assert stored(store) == [3]
    note(counted, bundle, 4)
    save(apart, counted)
    assert stored(store) == [7]


def test_what_has_not_changed_is_not_written(apart: Settings, store: psycopg.Connection, bundle: Bundle) -> None:
    counted = noted(bundle, 3)
    save(apart, counted)
    store.execute("DELETE FROM score_traffic")
    save(apart, counted)

    assert stored(store) == []


def test_all_workers_add_up(apart: Settings, store: psycopg.Connection, bundle: Bundle) -> None:
    workers = [noted(bundle, rows) for rows in (3, 4, 5)]
    for counted in workers:
        save(apart, counted)
    note(workers[0], bundle, 100)  # not saved yet, and known to this worker alone

    assert stored(store) == [3, 4, 5]
    assert [rows_seen(apart, bundle, counted) for counted in [*workers, Traffic()]] == [112, 12, 12, 12]


def test_old_days_are_swept_here_and_there(apart: Settings, store: psycopg.Connection, bundle: Bundle) -> None:
    long_ago = AT - timedelta(days=30)
    counted = noted(bundle, 3, long_ago)
    save(apart, counted, long_ago)
    note(counted, bundle, 4)
    save(apart, counted)
    assert stored(store) == [3, 4]
    later = AT + timedelta(days=6)
    note(counted, bundle, 5, later)
    save(apart, counted, later)

    assert stored(store) == [4, 5]
    assert len(counted.since(bundle.manifest.name, bundle.manifest.version, long_ago.date())) == 2


def test_counts_laid_in_other_bins_are_left_out(apart: Settings, store: psycopg.Connection, bundle: Bundle) -> None:
    save(apart, noted(bundle, 3))
    store.execute("UPDATE score_traffic SET counts = counts || 0::bigint")

    assert rows_seen(apart, bundle, noted(bundle, 4)) == 4


def test_a_store_that_is_away_loses_nothing(apart: Settings, store: psycopg.Connection, bundle: Bundle) -> None:
    counted = noted(bundle, 3)
    away = make_settings("postgresql://nobody@127.0.0.1:1/nothing", apart.models_dir)
    with pytest.raises(StoreUnavailable):
        save(away, counted)
    note(counted, bundle, 4)
    save(apart, counted)

    assert stored(store) == [7]


def test_saving_goes_on_after_the_store_was_broken(
    apart: Settings, store: psycopg.Connection, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traffic, "SECONDS_BETWEEN_SAVES", 0.02)
    counted = noted(bundle, 3)

    async def live(sessions: Sessions) -> None:
        async with traffic.saving(sessions, counted):
            await asyncio.sleep(0.1)  # some saves fail
            store.execute("ALTER TABLE elsewhere RENAME TO score_traffic")

    store.execute("ALTER TABLE score_traffic RENAME TO elsewhere")
    within(apart, live)

    assert stored(store) == [3]


def test_what_was_counted_last_is_saved_at_the_end(apart: Settings, store: psycopg.Connection, bundle: Bundle) -> None:
    counted = Traffic()

    async def live(sessions: Sessions) -> None:
        async with traffic.saving(sessions, counted):
            await asyncio.sleep(0)
            note(counted, bundle, 3, datetime.now(UTC))

    within(apart, live)

    assert stored(store) == [3]
