"""Signed tokens (JWT, RFC 7519): those an identity provider makes, and our own for one agent's screen on one person.

Which keys and which algorithms are tried is decided by who says to have made the token, before anything in it counts;
of its header, only a key's name is used, to look it up among those we know.
"""

import asyncio
import json
import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid5

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import OutOfTime, Sessions, StoreUnavailable, transaction, within
from app.domain.access import CONSOLE_SCOPES, SCOPES, Caller
from app.errors import AppError, Forbidden, Invalid
from app.models import ApiKey, Subscriber
from app.observability import tell
from app.outgoing import NoAnswer, Outgoing
from app.reach import EVERYBODY, Reach
from app.services.access import GLANCE_SECONDS, KeyRefused, checked_regions, digest, require_agent
from app.services.subscribers import unknown
from app.vault import Vault

if TYPE_CHECKING:
    from jwt import PyJWK

ALGORITHMS: Final = frozenset({"RS256", "PS256", "ES256", "EdDSA"})
OURS: Final = "stayline"
OUR_ALGORITHM: Final = "HS256"
OUR_AUDIENCE: Final = "stayline-console"
CONSOLE_MINUTES: Final = timedelta(minutes=15)
LEEWAY_SECONDS: Final = 30
LONGEST_TOKEN: Final = 8 * 1024
LONGEST_NAME: Final = 64
FRESH_SECONDS: Final = 600.0
PAUSE_SECONDS: Final = 30.0  # between two looks at an issuer's keys, whatever callers send
MOST_CALLERS: Final = 10_000
_REQUIRED: Final = ["exp", "iat", "iss", "aud", "sub"]
# What a claim of the wrong type or size comes to.
_UNREADABLE: Final = (ValueError, TypeError, AttributeError, KeyError, OverflowError, RecursionError)


class TokenRefused(KeyRefused):
    """A valid API key or token is required."""


class NotForTokens(Forbidden):
    """A token for one person's screen cannot ask for another."""


class AgentMissing(Invalid):
    """A token is for one agent."""


class ConsoleToken(NamedTuple):
    token: str
    expires_at: datetime
    agent_id: str
    scopes: list[str]


@dataclass(frozen=True, slots=True)
class Issuer:
    """Whose tokens are taken: as they name themselves, for whom, and where their keys are (a file, or an address)."""

    name: str
    audience: str
    keys: str


@dataclass(slots=True)
class Tokens:
    """Verifies tokens, knowing the issuer's keys and which callers have their row in the store."""

    issuer: Issuer | None
    vault: Vault
    agents: frozenset[str]
    outgoing: Outgoing
    _keys: dict[str, "PyJWK"] = field(default_factory=dict)
    _looked_at: float = -FRESH_SECONDS
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)
    _refreshing: asyncio.Task[None] | None = None
    _known: set[UUID] = field(default_factory=set)

    async def authenticate(self, sessions: Sessions, token: str) -> Caller:
        """Return the caller a token speaks for; raises TokenRefused."""
        if len(token) > LONGEST_TOKEN:
            raise TokenRefused("the token is too long")
        import jwt  # noqa: PLC0415  # loaded by the first who brings one

        try:
            said = jwt.decode_complete(token, options={"verify_signature": False})
            if said["payload"].get("iss") == OURS:
                return self._of_console(self._verified_as_ours(token))
            caller = self._of_issuer(await self._verified(token, said["header"]))
        except (jwt.PyJWTError, *_UNREADABLE) as error:
            raise TokenRefused("the token is not valid") from error
        await self._make_known(sessions, caller)
        return caller

    def _verified_as_ours(self, token: str) -> dict[str, Any]:
        import jwt  # noqa: PLC0415

        *others, last = self.vault.signing_keys(OUR_AUDIENCE.encode())
        for key in others:
            with suppress(jwt.InvalidSignatureError):
                return _decoded(token, key, OUR_ALGORITHM, OURS, OUR_AUDIENCE)
        return _decoded(token, last, OUR_ALGORITHM, OURS, OUR_AUDIENCE)

    def _of_console(self, claims: Mapping[str, Any]) -> Caller:
        regions = claims.get("regions")
        reach = Reach(None if regions is None else frozenset(regions), claims["subscriber"])
        expires_at = datetime.fromtimestamp(claims["exp"], UTC)
        scopes = frozenset(claims["scope"].split())
        return Caller(UUID(claims["sub"]), claims["name"], scopes, claims["agent"], expires_at, self.agents, reach)

    async def _verified(self, token: str, header: Mapping[str, Any]) -> dict[str, Any]:
        if self.issuer is None:
            raise TokenRefused("no tokens are taken here")
        key = await self._find_key(header.get("kid"))
        if key is None:
            raise TokenRefused("the token is not valid")
        return _decoded(token, key, key.algorithm_name, self.issuer.name, self.issuer.audience)

    def _of_issuer(self, claims: Mapping[str, Any]) -> Caller:
        """Read the claims `sub`, `scope` (a text or a list), and if they are there `agent_id` and `regions`."""
        scopes, regions, agent = claims.get("scope", ""), claims.get("regions"), claims.get("agent_id")
        if isinstance(scopes, list):
            scopes = " ".join(scopes)
        if agent is not None and not (isinstance(agent, str) and 0 < len(agent) <= LONGEST_NAME):
            raise TokenRefused("the token's agent_id is no agent's name")
        if regions is not None and not isinstance(regions, list):
            raise TokenRefused("the token's regions are no list")
        try:
            reach = EVERYBODY if regions is None else Reach(frozenset(checked_regions(regions)))
        except AppError as error:
            raise TokenRefused(error.detail) from error
        id = uuid5(NAMESPACE_URL, f"{claims['iss']}\n{claims['sub']}")
        expires_at = datetime.fromtimestamp(claims["exp"], UTC) + timedelta(seconds=LEEWAY_SECONDS)
        granted = SCOPES.intersection(scopes.split())
        return Caller(id, claims["sub"][:LONGEST_NAME], granted, agent, expires_at, self.agents, reach)

    async def _find_key(self, name: object) -> "PyJWK | None":
        """Find the key of that name, or the only one; nobody who has one waits for the others to be looked at again."""
        age = time.monotonic() - self._looked_at
        if known := self._choose(name):
            if age > FRESH_SECONDS:
                self._looked_at = time.monotonic()
                self._refreshing = asyncio.create_task(self._refresh())
            return known
        async with self._looking:
            if self._choose(name) is None and time.monotonic() - self._looked_at > PAUSE_SECONDS:
                self._looked_at = time.monotonic()
                await self._refresh()
        return self._choose(name)

    async def _refresh(self) -> None:
        self._keys = await self._look()

    def _choose(self, name: object) -> "PyJWK | None":
        if name is None:
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(name) if isinstance(name, str) else None

    async def _look(self) -> dict[str, "PyJWK"]:
        """Read the issuer's keys; while they cannot be read, those that are known stand."""
        assert self.issuer  # noqa: S101  # nobody looks without one
        import jwt  # noqa: PLC0415

        place = self.issuer.keys
        try:
            text = await self.outgoing.fetch(place) if "://" in place else await asyncio.to_thread(_read, place)
            found = jwt.PyJWKSet.from_dict(json.loads(text))
        except (NoAnswer, OSError, jwt.PyJWTError, *_UNREADABLE) as error:
            tell("issuer_keys_not_read", level=logging.WARNING, error=type(error).__qualname__)
            if self._keys:
                return self._keys
            raise NoAnswer("the keys of whoever made the token cannot be read right now; try again shortly") from error
        usable = (key for key in found.keys if key.algorithm_name in ALGORITHMS and key.public_key_use != "enc")
        return {key.key_id or "": key for key in usable}

    async def _make_known(self, sessions: Sessions, caller: Caller) -> None:
        """Give the caller its row, which whatever it writes refers to; without a store it writes nothing anyway."""
        if caller.id in self._known:
            return
        at = datetime.now(UTC)
        row = {
            "id": caller.id,
            "name": caller.name,
            "prefix": f"jwt_{caller.id.hex[:12]}",
            "digest": digest(str(caller.id)),
            "scopes": [],
            "created_at": at,
            "revoked_at": at,
        }
        with suppress(StoreUnavailable, OutOfTime):
            async with within(GLANCE_SECONDS), transaction(sessions) as session:
                await session.execute(insert(ApiKey).values(row).on_conflict_do_nothing())
            if len(self._known) >= MOST_CALLERS:
                self._known.clear()
            self._known.add(caller.id)


def _read(path: str) -> bytes:
    return Path(path).read_bytes()


def _decoded(token: str, key: "PyJWK | bytes", algorithm: str, issuer: str, audience: str) -> dict[str, Any]:
    import jwt  # noqa: PLC0415

    options: Any = {"require": _REQUIRED, "strict_aud": False, "enforce_minimum_key_length": True}
    return jwt.decode(
        token,
        key,
        algorithms=[algorithm],
        issuer=issuer,
        audience=audience,
        leeway=LEEWAY_SECONDS if issuer != OURS else 0,
        options=options,
    )


async def make_console_token(
    session: AsyncSession, vault: Vault, caller: Caller, subscriber_id: str, agent_id: str | None, at: datetime
) -> ConsoleToken:
    """Make a token for one agent and one person, under all their ids: it does what its maker may do, for 15 minutes.

    Raises NotForTokens, AgentMissing, AgentMismatch, AgentUnknown; SubscriberUnknown for whom the maker does not reach.
    """
    if caller.reach.subscriber_id is not None:
        raise NotForTokens("ask with the key that this token was made with")
    agent = require_agent(caller, agent_id, "agent_id")
    if agent is None:
        raise AgentMissing.at("/agent_id", "is required, since the key carries no agent's id")
    person = await session.scalar(select(Subscriber).where(Subscriber.subscriber_id == subscriber_id))
    if person is None:
        raise unknown()
    scopes = sorted(caller.scopes & CONSOLE_SCOPES)
    expires_at = (at + CONSOLE_MINUTES).replace(microsecond=0)
    if caller.expires_at:
        expires_at = min(expires_at, caller.expires_at)
    import jwt  # noqa: PLC0415

    claims = {
        "iss": OURS,
        "aud": OUR_AUDIENCE,
        "sub": str(caller.id),
        "name": caller.name,
        "agent": agent,
        "subscriber": person.merged_into or subscriber_id,
        "regions": None if caller.reach.regions is None else sorted(caller.reach.regions),
        "scope": " ".join(scopes),
        "iat": int(at.timestamp()),
        "exp": int(expires_at.timestamp()),
    }
    signing = vault.signing_keys(OUR_AUDIENCE.encode())[0]
    return ConsoleToken(jwt.encode(claims, signing, algorithm=OUR_ALGORITHM), expires_at, agent, scopes)
