"""Keys: verified against the store, trusted for a minute, and for a quarter of an hour while the store is away."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from uuid import uuid4

import pytest

from app.db import Sessions, StoreUnavailable, create_engine, create_sessions, transaction
from app.domain.access import SCOPES, Caller
from app.services import access
from app.services.access import FRESH_SECONDS, MOST_CACHED, OUTAGE_SECONDS, RETRY_SECONDS, KeyCache, KeyRefused
from app.settings import Settings
from tests.conftest import make_key

AT = datetime(2026, 11, 3, 9, 30, tzinfo=UTC)
Found = TypeVar("Found")


def caller(name: str = "crm", expires_at: datetime | None = None) -> Caller:
    return Caller(uuid4(), name, frozenset({"scores:read"}), None, expires_at)


def run(settings: Settings, work: Callable[[Sessions], Awaitable[Found]]) -> Found:
    async def within() -> Found:
        engine = create_engine(settings)
        try:
            return await work(create_sessions(engine))
        finally:
            await engine.dispose()

    return asyncio.run(within())


@pytest.fixture
def away(settings: Settings) -> Settings:
    """Settings of a store that is not there."""
    return settings.model_copy(update={"database_url": type(settings.database_url)("postgresql://127.0.0.1:1/none")})


def test_a_verified_key_is_trusted_for_a_minute() -> None:
    cache, crm = KeyCache(), caller()
    cache.keep(b"digest", crm, now=100)

    assert cache.find(b"digest", 100 + FRESH_SECONDS - 0.1) == crm
    assert cache.find(b"digest", 100 + FRESH_SECONDS) is None
    assert cache.find(b"other", 100) is None


def test_in_an_outage_a_key_is_trusted_for_a_quarter_of_an_hour() -> None:
    cache, crm = KeyCache(), caller()
    cache.keep(b"digest", crm, now=100)

    assert cache.find_in_outage(b"digest", 100 + OUTAGE_SECONDS - 0.1) == crm
    assert cache.find_in_outage(b"digest", 100 + OUTAGE_SECONDS) is None


def test_while_one_request_looks_again_the_others_go_on() -> None:
    cache, crm = KeyCache(), caller()
    cache.keep(b"digest", crm, now=0)
    cache.postpone(b"digest", now=FRESH_SECONDS)

    assert cache.find(b"digest", FRESH_SECONDS + RETRY_SECONDS - 0.1) == crm
    assert cache.find(b"digest", FRESH_SECONDS + RETRY_SECONDS) is None


def test_postponing_never_stretches_the_trust_in_an_outage() -> None:
    cache = KeyCache()
    cache.keep(b"digest", caller(), now=0)
    cache.postpone(b"digest", now=OUTAGE_SECONDS)

    assert cache.find(b"digest", OUTAGE_SECONDS) is None


def test_a_forgotten_key_is_not_trusted() -> None:
    cache = KeyCache()
    cache.keep(b"digest", caller(), now=0)
    cache.forget(b"digest")
    cache.forget(b"digest")

    assert cache.find_in_outage(b"digest", 0) is None


def test_the_cache_is_bounded() -> None:
    cache, crm = KeyCache(), caller()
    for number in range(MOST_CACHED + 5):
        cache.keep(str(number).encode(), crm, now=0)

    assert cache.find(b"4", 0) is None
    assert cache.find(b"5", 0) is not None


def test_keeping_a_key_again_makes_no_other_forgotten() -> None:
    cache, crm = KeyCache(), caller()
    for number in range(MOST_CACHED):
        cache.keep(str(number).encode(), crm, now=0)
    cache.keep(b"7", crm, now=1)

    assert cache.find(b"0", 0) is not None


def test_a_key_that_expires_while_it_is_trusted_is_refused_from_then_on(settings: Settings) -> None:
    async def work(sessions: Sessions) -> None:
        expires_at = AT + timedelta(seconds=30)
        async with transaction(sessions) as session:
            key = await access.create_key(session, name="short", scopes=SCOPES, at=AT, expires_at=expires_at)
        cache = KeyCache()
        assert (await access.authenticate(sessions, cache, key, AT, now=0)).name == "short"
        with pytest.raises(KeyRefused):
            await access.authenticate(sessions, cache, key, expires_at, now=30)

    run(settings, work)


def test_a_revoked_key_works_for_a_minute_more_and_no_longer(settings: Settings) -> None:
    key = make_key(settings, {"scores:read"})

    async def work(sessions: Sessions) -> None:
        cache = KeyCache()
        await access.authenticate(sessions, cache, key, AT, now=0)
        async with transaction(sessions) as session:
            await access.revoke_key(session, key[: access.PREFIX_LENGTH], AT)
        assert await access.authenticate(sessions, cache, key, AT, now=FRESH_SECONDS - 1)
        with pytest.raises(KeyRefused):
            await access.authenticate(sessions, cache, key, AT, now=FRESH_SECONDS)
        with pytest.raises(KeyRefused):
            await access.authenticate(sessions, cache, key, AT, now=FRESH_SECONDS + 1)

    run(settings, work)


def test_in_an_outage_a_known_key_is_trusted_and_an_unknown_one_is_not_refused(
    settings: Settings, away: Settings
) -> None:
    key = make_key(settings, {"scores:read"})
    cache = KeyCache()
    run(settings, lambda sessions: access.authenticate(sessions, cache, key, AT, now=0))

    async def work(sessions: Sessions) -> None:
        known = await access.authenticate(sessions, cache, key, AT, now=FRESH_SECONDS)
        assert known.scopes == {"scores:read"}
        with pytest.raises(StoreUnavailable):
            await access.authenticate(sessions, cache, key, AT, now=OUTAGE_SECONDS)
        with pytest.raises(StoreUnavailable):
            await access.authenticate(sessions, KeyCache(), key, AT, now=0)

    run(away, work)


def test_of_a_key_only_its_digest_is_stored(settings: Settings) -> None:
    key = make_key(settings, {"scores:read"})

    async def work(sessions: Sessions) -> None:
        async with transaction(sessions) as session:
            row = next(row for row in await access.list_keys(session) if row.prefix == key[: access.PREFIX_LENGTH])
        assert row.digest == access.digest(key)
        assert key.encode() not in row.digest
        assert key not in str(vars(row))

    run(settings, work)


def test_an_unknown_scope_is_refused(settings: Settings) -> None:
    async def work(sessions: Sessions) -> None:
        async with transaction(sessions) as session:
            with pytest.raises(access.ScopeUnknown):
                await access.create_key(session, name="odd", scopes={"scores:read", "world:rule"}, at=AT)

    run(settings, work)
