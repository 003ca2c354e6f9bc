"""API keys: made, listed, replaced, revoked, and verified on every request."""

import hashlib
import re
import secrets
from collections.abc import Iterable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import OutOfTime, Sessions, StoreUnavailable, lock, transaction, within
from app.domain.access import SCOPES, Caller
from app.errors import Forbidden, Invalid, NotFound, Unauthenticated
from app.models import ApiKey
from app.models.base import new_id
from app.reach import ANY, EVERYBODY, SEPARATOR, Reach

KEY_PATTERN: Final = re.compile(r"sl_[A-Za-z0-9]{8}_[A-Za-z0-9_-]{43}")
PREFIX_LENGTH: Final = len("sl_12345678")
FRESH_SECONDS: Final = 60.0
OUTAGE_SECONDS: Final = 15 * 60.0
RETRY_SECONDS: Final = 15.0
GLANCE_SECONDS: Final = 0.25  # for a key that is known: nobody waits for a silent store to confirm it once more
MOST_CACHED: Final = 10_000
LONGEST_REGION: Final = 64


class KeyRefused(Unauthenticated):
    """A valid API key or token is required."""


class ScopeMissing(Forbidden):
    """The key does not carry the scope this needs."""


class AgentMismatch(Forbidden):
    """The key speaks for another agent."""


class AgentUnknown(Invalid):
    """The operator has listed its agents, and this is none of them."""


class ScopeUnknown(Invalid):
    """There is no such scope."""


class RegionRefused(Invalid):
    """No region can be called so."""


class KeyNotFound(NotFound):
    """There is no such key."""


@dataclass(slots=True)
class _Verified:
    caller: Caller
    verified_at: float
    look_again_at: float


class KeyCache:
    """Verified keys by digest: trusted for 60 seconds, and for 15 minutes while the store is away.

    Times are seconds of a monotonic clock. A revoked key therefore works for up to a minute (15 in an outage).
    """

    def __init__(self, agents: Iterable[str] = ()) -> None:
        self.agents = frozenset(agents)
        self._verified: dict[bytes, _Verified] = {}

    def find(self, digest: bytes, now: float) -> Caller | None:
        """Return the caller if the key needs no look at the store now."""
        entry = self._verified.get(digest)
        return entry.caller if entry and now < entry.look_again_at else None

    def postpone(self, digest: bytes, now: float) -> None:
        """Let other requests trust the entry while one of them looks again."""
        if entry := self._find_within_outage(digest, now):
            entry.look_again_at = now + RETRY_SECONDS

    def find_in_outage(self, digest: bytes, now: float) -> Caller | None:
        entry = self._find_within_outage(digest, now)
        return entry.caller if entry else None

    def keep(self, digest: bytes, caller: Caller, now: float) -> None:
        if digest not in self._verified and len(self._verified) >= MOST_CACHED:
            del self._verified[next(iter(self._verified))]
        self._verified[digest] = _Verified(caller, now, now + FRESH_SECONDS)

    def forget(self, digest: bytes) -> None:
        self._verified.pop(digest, None)

    def _find_within_outage(self, digest: bytes, now: float) -> _Verified | None:
        entry = self._verified.get(digest)
        return entry if entry and now - entry.verified_at < OUTAGE_SECONDS else None


def digest(key: str) -> bytes:
    """What is stored of a key. A plain hash is enough: a key is 256 random bits, which nobody can guess."""
    return hashlib.sha256(key.encode()).digest()


async def authenticate(sessions: Sessions, cache: KeyCache, key: str, at: datetime, now: float) -> Caller:
    """Return the caller a key belongs to; raises KeyRefused, or StoreUnavailable for a key not seen lately."""
    if not KEY_PATTERN.fullmatch(key):
        raise KeyRefused("the API key is not valid")
    hashed = digest(key)
    caller = cache.find(hashed, now)
    if caller is None:
        caller = await _look_up(sessions, cache, hashed, at, now)
    if caller.expires_at and caller.expires_at <= at:
        raise KeyRefused("the API key has expired")
    return caller


async def _look_up(sessions: Sessions, cache: KeyCache, hashed: bytes, at: datetime, now: float) -> Caller:
    cache.postpone(hashed, now)
    known = cache.find_in_outage(hashed, now)
    replaced = and_(ApiKey.previous_digest == hashed, ApiKey.previous_until > at)
    query = select(ApiKey).where(or_(ApiKey.digest == hashed, replaced), ApiKey.revoked_at.is_(None))
    try:
        async with within(GLANCE_SECONDS) if known else nullcontext(), transaction(sessions) as session:
            row = await session.scalar(query)
    except (StoreUnavailable, OutOfTime):
        if known:
            return known
        raise
    if row is None:
        cache.forget(hashed)
        raise KeyRefused("the API key is not valid")
    caller = _caller_of(row, hashed, cache.agents)
    cache.keep(hashed, caller, now)
    await _note_use(sessions, row, at)
    return caller


def _caller_of(row: ApiKey, hashed: bytes, agents: frozenset[str]) -> Caller:
    ends = [row.expires_at, row.previous_until if hashed == row.previous_digest else None]
    reach = EVERYBODY if row.regions is None else Reach(frozenset(row.regions))
    expires_at = min((end for end in ends if end), default=None)
    return Caller(row.id, row.name, frozenset(row.scopes), row.agent_id, expires_at, agents, reach)


async def _note_use(sessions: Sessions, row: ApiKey, at: datetime) -> None:
    """Note when the key was used last, to the minute; a store that cannot take it now is told the next time."""
    with suppress(StoreUnavailable, OutOfTime):
        async with within(GLANCE_SECONDS), transaction(sessions) as session:
            await session.execute(update(ApiKey).where(ApiKey.id == row.id).values(last_used_at=at))


def require_scope(caller: Caller, scope: str) -> None:
    if scope not in caller.scopes:
        raise ScopeMissing(f"this needs the scope {scope}")


async def create_key(
    session: AsyncSession,
    *,
    name: str,
    scopes: Iterable[str],
    at: datetime,
    agent_id: str | None = None,
    expires_at: datetime | None = None,
    regions: Iterable[str] | None = None,
) -> str:
    """Make a key and return it: the only time it is seen whole, since only its digest is stored.

    Raises ScopeUnknown and RegionRefused.
    """
    granted = sorted(set(scopes))
    if unknown := [scope for scope in granted if scope not in SCOPES]:
        raise ScopeUnknown(f"unknown scope {unknown[0]}; known: {' '.join(sorted(SCOPES))}")
    key = _new_key()
    session.add(
        ApiKey(
            id=new_id(),
            name=name,
            prefix=key[:PREFIX_LENGTH],
            digest=digest(key),
            scopes=granted,
            agent_id=agent_id,
            regions=None if regions is None else checked_regions(regions),
            created_at=at,
            expires_at=expires_at,
        )
    )
    await session.flush()
    return key


def _new_key() -> str:
    return f"sl_{secrets.token_hex(4)}_{secrets.token_urlsafe(32)}"


def checked_regions(regions: Iterable[str]) -> list[str]:
    """Return the regions a caller is bound to, each once; raises RegionRefused."""
    found = sorted(set(regions))
    if not found or any(not 0 < len(name) <= LONGEST_REGION or name == ANY or SEPARATOR in name for name in found):
        raise RegionRefused(f"a region is named by 1 to {LONGEST_REGION} characters of one line, and not {ANY}")
    return found


def require_agent(caller: Caller, named: str | None, field: str = "owner") -> str | None:
    """Return who acts; raises AgentMismatch where a key bound to one agent names another, AgentUnknown for nobody."""
    if caller.agent_id and named not in {None, caller.agent_id}:
        raise AgentMismatch("the key speaks for another agent than the one named")
    _require_known(caller, named, field)
    return named or caller.agent_id


def require_handover(caller: Caller, holder: str, owner: str) -> None:
    """Let a key that is bound to one agent take what lies with others, and pass on what is that agent's own."""
    if caller.agent_id == holder:
        _require_known(caller, owner, "owner")
    else:
        require_agent(caller, owner)


def _require_known(caller: Caller, named: str | None, field: str) -> None:
    if named is not None and caller.agents and named not in caller.agents:
        raise AgentUnknown.at(f"/{field}", "is none of the operator's agents")


async def find_or_make_own_caller(session: AsyncSession, name: str, at: datetime, agents: Iterable[str] = ()) -> Caller:
    """Return the caller in whose name our own commands write: a key that was revoked before anybody saw it."""
    await lock(session, "own caller", name)
    row = await session.scalar(select(ApiKey).where(ApiKey.name == name, ApiKey.revoked_at == ApiKey.created_at))
    if row is None:
        key = await create_key(session, name=name, scopes=(), at=at)
        row = (await session.scalars(select(ApiKey).where(ApiKey.digest == digest(key)))).one()
        row.revoked_at = at
    return Caller(row.id, row.name, frozenset(), None, None, frozenset(agents))


def expiry(at: datetime, days: int | None) -> datetime | None:
    return None if days is None else at + timedelta(days=days)


async def list_keys(session: AsyncSession) -> Sequence[ApiKey]:
    return (await session.scalars(select(ApiKey).order_by(ApiKey.created_at, ApiKey.id))).all()


async def replace_key(session: AsyncSession, prefix: str, at: datetime, overlap: timedelta) -> str:
    """Give a caller another key, which is returned; the one it has is taken for `overlap` longer.

    The caller stays the same: what it wrote is its own, and what it repeats is known. Raises KeyNotFound.
    """
    query = select(ApiKey).where(ApiKey.prefix == prefix, ApiKey.revoked_at.is_(None)).with_for_update()
    row = await session.scalar(query)
    if row is None:
        raise KeyNotFound(f"no key in use starts with {prefix}")
    key = _new_key()
    row.previous_digest, row.previous_until = row.digest, at + overlap
    row.digest, row.prefix = digest(key), key[:PREFIX_LENGTH]
    return key


async def revoke_key(session: AsyncSession, prefix: str, at: datetime) -> ApiKey:
    statement = update(ApiKey).where(ApiKey.prefix == prefix, ApiKey.revoked_at.is_(None)).values(revoked_at=at)
    row: ApiKey | None = await session.scalar(statement.returning(ApiKey))
    if row is None:
        raise KeyNotFound(f"no key in use starts with {prefix}")
    return row
