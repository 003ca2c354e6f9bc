"""Who read or changed what of whom: a change is noted with it, in its transaction; a reading within a second.

An entry knows pseudonyms only, and so outlives whoever it is about.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import Sessions, driver, transaction
from app.domain.access import Caller, Purpose
from app.errors import Unavailable
from app.models import AccessEntry, Subscriber
from app.models.base import new_id
from app.services.saving import saving as saved_meanwhile
from app.services.subscribers import one_of
from app.vault import Vault

SECONDS_BETWEEN_SAVES: Final = 1.0
AT_ONCE: Final = 1_000
MOST_WAITING: Final = 20_000
_SIGNED: Final = (
    "id",
    "at",
    "caller_id",
    "agent_id",
    "operation",
    "status",
    "purpose",
    "pseudonyms",
    "request_id",
)
_COLUMNS: Final = (*_SIGNED, "mac")
_INSERT: Final = (
    f"INSERT INTO access_entries ({', '.join(_COLUMNS)}) "  # noqa: S608  # only our own words
    f"VALUES ({', '.join(f'${number}' for number in range(1, len(_COLUMNS) + 1))})"
)


class NotNoted(Unavailable):
    """What is read must be noted, and cannot be right now."""


class Access(NamedTuple):
    """One request that was answered, and whose data was in it."""

    at: datetime
    caller: Caller
    operation: str
    status: int
    purpose: Purpose
    subscriber_ids: frozenset[str]
    request_id: str


class Readings:
    """Readings that wait to be written down. Where too many wait, nothing more is to be read."""

    def __init__(self) -> None:
        self._waiting: list[Access] = []

    def note(self, access: Access) -> None:
        """Raises NotNoted."""
        if len(self._waiting) >= MOST_WAITING:
            raise NotNoted("who reads what cannot be written down right now; try again shortly")
        self._waiting.append(access)

    async def save(self, sessions: Sessions, vault: Vault) -> None:
        """Write down what waits; raises StoreUnavailable, and then has lost nothing."""
        while self._waiting:
            accesses = self._waiting[:AT_ONCE]
            async with transaction(sessions) as session:
                await write(session, vault, accesses)
            del self._waiting[: len(accesses)]


async def write(
    session: AsyncSession, vault: Vault, accesses: Sequence[Access], known: Mapping[str, UUID] | None = None
) -> None:
    """Write accesses down, signed. Who is not known, or not any more, is left out of them.

    `known` are the pseudonyms of all of them, where they are there already; else they are looked up.
    """
    if known is None:
        known = await _find_pseudonyms(session, {id for access in accesses for id in access.subscriber_ids})
    rows = [tuple(_row(vault, access, known).values()) for access in accesses]
    await (await driver(session)).executemany(_INSERT, rows)


async def _find_pseudonyms(session: AsyncSession, subscriber_ids: Iterable[str]) -> dict[str, UUID]:
    query = select(Subscriber.subscriber_id, Subscriber.pseudonym).where(one_of(subscriber_ids))
    found = await session.execute(query)
    return {row.subscriber_id: row.pseudonym for row in found}


def _row(vault: Vault, access: Access, pseudonyms: Mapping[str, UUID]) -> dict[str, Any]:
    row = {
        "id": new_id(),
        "at": access.at,
        "caller_id": access.caller.id,
        "agent_id": access.caller.agent_id,
        "operation": access.operation,
        "status": access.status,
        "purpose": access.purpose.value,
        "pseudonyms": sorted(pseudonyms[id] for id in access.subscriber_ids if id in pseudonyms),
        "request_id": access.request_id,
    }
    return row | {"mac": vault.fingerprint(_text(row))}


def is_signed(vault: Vault, entry: AccessEntry) -> bool:
    """Tell whether a stored entry is what was signed."""
    return vault.recognises(_text(vars(entry)), entry.mac)


def _text(row: Mapping[str, Any]) -> bytes:
    signed = {name: row[name] for name in _SIGNED}
    signed["at"] = row["at"].astimezone(UTC).isoformat()
    signed["pseudonyms"] = [str(pseudonym) for pseudonym in row["pseudonyms"]]
    return b"access" + json.dumps(signed, default=str).encode()


def saving(sessions: Sessions, vault: Vault, readings: Readings) -> AbstractAsyncContextManager[None]:
    """Save every second while inside, and once more at the end."""
    return saved_meanwhile("readings", SECONDS_BETWEEN_SAVES, lambda: readings.save(sessions, vault))
