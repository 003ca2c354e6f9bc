"""API keys: made, listed, revoked, and verified on every request."""

import hashlib
import re
import secrets
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import OutOfTime, Sessions, StoreUnavailable, lock, transaction, within
from app.domain.access import SCOPES, Caller
from app.errors import Forbidden, Invalid, NotFound, Unauthenticated
from app.models import ApiKey
from app.models.base import new_id

KEY_PATTERN: Final = re.compile(r"sl_[A-Za-z0-9]{8}_[A-Za-z0-9_-]{43}")
PREFIX_LENGTH: Final = len("sl_12345678")
FRESH_SECONDS: Final = 60.0
OUTAGE_SECONDS: Final = 15 * 60.0
RETRY_SECONDS: Final = 15.0
GLANCE_SECONDS: Final = 0.25  # for a key that is known: nobody waits for a silent store to confirm it once more
MOST_CACHED: Final = 10_000


class KeyRefused(Unauthenticated):
    """A valid API key is required."""


class ScopeMissing(Forbidden):
    """The key does not carry the scope this needs."""


class AgentMismatch(Forbidden):
    """The key speaks for another agent."""


class AgentUnknown(Invalid):
    """The operator has listed its agents, and this is none of them."""


class ScopeUnknown(Invalid):
    """There is no such scope."""


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
        caller = await _look_up(sessions, cache, hashed, now)
    if caller.expires_at and caller.expires_at <= at:
        raise KeyRefused("the API key has expired")
    return caller


async def _look_up(sessions: Sessions, cache: KeyCache, hashed: bytes, now: float) -> Caller:
    cache.postpone(hashed, now)
    known = cache.find_in_outage(hashed, now)
    try:
        async with within(GLANCE_SECONDS) if known else nullcontext(), transaction(sessions) as session:
            row = await session.scalar(select(ApiKey).where(ApiKey.digest == hashed, ApiKey.revoked_at.is_(None)))
    except (StoreUnavailable, OutOfTime):
        if known:
            return known
        raise
    if row is None:
        cache.forget(hashed)
        raise KeyRefused("the API key is not valid")
    caller = Caller(row.id, row.name, frozenset(row.scopes), row.agent_id, row.expires_at, cache.agents)
    cache.keep(hashed, caller, now)
    return caller


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
) -> str:
    """Make a key and return it: the only time it is seen whole, since only its digest is stored."""
    granted = sorted(set(scopes))
    if unknown := [scope for scope in granted if scope not in SCOPES]:
        raise ScopeUnknown(f"unknown scope {unknown[0]}; known: {' '.join(sorted(SCOPES))}")
    key = f"sl_{secrets.token_hex(4)}_{secrets.token_urlsafe(32)}"
    session.add(
        ApiKey(
            id=new_id(),
            name=name,
            prefix=key[:PREFIX_LENGTH],
            digest=digest(key),
            scopes=granted,
            agent_id=agent_id,
            created_at=at,
            expires_at=expires_at,
        )
    )
    await session.flush()
    return key


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


async def revoke_key(session: AsyncSession, prefix: str, at: datetime) -> ApiKey:
    statement = update(ApiKey).where(ApiKey.prefix == prefix, ApiKey.revoked_at.is_(None)).values(revoked_at=at)
    row: ApiKey | None = await session.scalar(statement.returning(ApiKey))
    if row is None:
        raise KeyNotFound(f"no key in use starts with {prefix}")
    return row
