"""The chains over all decisions and all accesses: each row is signed as it is written, and linked a little later.

Signing is a keyed digest: who can write to the tables, and nothing more, can make neither a row nor a link.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import Select, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import Sessions, lock, transaction
from app.errors import Conflict, Invalid
from app.models import AccessEntry, AccessLink, Decision, DecisionLink
from app.services import access_entries, decision_signatures
from app.vault import Vault

START: Final = bytes(32)
CHUNK: Final = 500
# A row is linked long before this has passed: one that turns up later was not written by us.
SETTLED: Final = timedelta(minutes=10)


class HeadGone(Conflict):
    """The chain does not run through a link that was its head."""


class Tampering(StrEnum):
    FLIPPED = "flipped"
    DELETED = "deleted"
    INSERTED = "inserted"
    REORDERED = "reordered"


class Finding(NamedTuple):
    """What is wrong with which row, or at which position where nothing is left of it."""

    row_id: UUID | None
    position: int | None
    what: Tampering


class Verified(NamedTuple):
    """How far the chain reaches, what its last link is, how many rows wait to be linked, and what is wrong."""

    linked: int
    head: bytes
    waiting: int
    findings: list[Finding]


@dataclass(frozen=True, slots=True)
class Chain:
    """One table of signed rows and the table of their links; `is_signed` tells whether a row is what was signed."""

    name: str
    rows: type[Any]
    links: type[Any]
    is_signed: Callable[[Vault, Any], bool]

    def unlinked(self, *what: Any) -> Select[Any]:
        query = select(*what).outerjoin(self.links, self.links.row_id == self.rows.id)
        return query.where(self.links.row_id.is_(None))

    async def last_link(self, session: AsyncSession) -> Any:
        return await session.scalar(select(self.links).order_by(self.links.position.desc()).limit(1))


DECISIONS: Final = Chain("decision chain", Decision, DecisionLink, decision_signatures.is_signed)
ACCESSES: Final = Chain("access chain", AccessEntry, AccessLink, access_entries.is_signed)


def _seal(position: int, row_id: UUID, mac: bytes) -> bytes:
    return b"seal" + position.to_bytes(8) + row_id.bytes + mac


def _link(before: bytes, seal: bytes) -> bytes:
    return b"link" + before + seal


def _earliest(row_id: UUID) -> UUID:
    """The least id of the time some minutes before a row: what began earlier has long been written."""
    milliseconds = max((row_id.int >> 80) - SETTLED // timedelta(milliseconds=1), 0)
    return UUID(int=milliseconds << 80)


async def extend(chain: Chain, sessions: Sessions, vault: Vault) -> int:
    """Link the rows that are signed and not linked yet, in the order of their ids; returns how many."""
    linked, after = 0, UUID(int=0)
    while True:
        async with transaction(sessions) as session:
            added, last = await _extend(chain, session, vault, after)
        linked += added
        if last is None:
            return linked
        after = last


async def _extend(chain: Chain, session: AsyncSession, vault: Vault, after: UUID) -> tuple[int, UUID | None]:
    """Link a chunk of them; returns how many, and after which id there may be more."""
    await lock(session, chain.name)
    last = await chain.last_link(session)
    position, before = (last.position, last.link) if last else (0, START)
    after = max(after, _earliest(last.row_id)) if last else after
    query = chain.unlinked(chain.rows).where(chain.rows.mac.is_not(None), chain.rows.id > after)
    waiting = (await session.scalars(query.order_by(chain.rows.id).limit(CHUNK))).all()
    links = []
    for row in waiting:
        if not chain.is_signed(vault, row):
            continue  # it was not written by us as it stands, and `verify` says so
        position += 1
        seal = vault.fingerprint(_seal(position, row.id, row.mac))
        before = vault.fingerprint(_link(before, seal))
        links.append({"position": position, "row_id": row.id, "mac": row.mac, "seal": seal, "link": before})
    if links:
        await session.execute(insert(chain.links), links)
    return len(links), waiting[-1].id if len(waiting) == CHUNK else None


async def require_head(chain: Chain, session: AsyncSession, head: str) -> None:
    """Raise HeadGone unless the chain runs through a head noted earlier: cutting off its end leaves no other trace."""
    position, _, link = head.partition(":")
    if not position.isdecimal():
        raise Invalid(f"a head is written POSITION:LINK, and {head!r} is not")
    found = await session.get(chain.links, int(position))
    if found is None or found.link.hex() != link:
        raise HeadGone(f"the chain no longer runs through its head of position {position}: its end was cut off")


async def verify(chain: Chain, session: AsyncSession, vault: Vault, show: Callable[[float], object]) -> Verified:
    """Walk a whole chain and every row beside it; `show` takes the share that is done, 0…1."""
    last = await chain.last_link(session)
    length = last.position if last else 0
    reader = _Reader(chain, vault)
    for start in range(0, length, CHUNK):
        query = (
            select(chain.links, chain.rows)
            .outerjoin(chain.rows, chain.rows.id == chain.links.row_id)
            .where(chain.links.position > start, chain.links.position <= start + CHUNK)
        )
        rows = {link.position: (link, row) for link, row in await session.execute(query)}
        for position in range(start + 1, min(start + CHUNK, length) + 1):
            reader.read(position, *rows.get(position, (None, None)))
        session.expunge_all()
        show(min(1.0, (start + CHUNK) / length))
    waiting = await _read_unlinked(session, reader, last)
    return Verified(length, last.link if last else START, waiting, reader.findings)


async def _read_unlinked(session: AsyncSession, reader: "_Reader", last: Any) -> int:
    """Rows that are not linked yet are signed all the same; one that should have been linked long ago was put in."""
    waiting, chain = 0, reader.chain
    first = await session.scalar(select(chain.links.row_id).order_by(chain.links.position).limit(1))
    for row in await session.scalars(chain.unlinked(chain.rows).order_by(chain.rows.id)):
        is_older_than_signing = row.mac is None and (first is None or row.id < first)
        is_late = last is not None and row.id <= _earliest(last.row_id)
        if is_older_than_signing:
            continue
        if is_late or not chain.is_signed(reader.vault, row):
            what = Tampering.INSERTED if is_late or await _is_copy(session, chain, row) else Tampering.FLIPPED
            reader.findings.append(Finding(row.id, None, what))
        else:
            waiting += 1
    return waiting


async def _is_copy(session: AsyncSession, chain: Chain, row: Any) -> bool:
    """Tell whether a row's signature is another's, or none: one that was changed still carries its own."""
    if row.mac is None:
        return True
    others = select(chain.rows.id).where(chain.rows.mac == row.mac, chain.rows.id != row.id)
    return await session.scalar(others.limit(1)) is not None


@dataclass(slots=True)
class _Reader:
    """Reads link after link, and remembers what the one before said."""

    chain: Chain
    vault: Vault
    findings: list[Finding] = field(default_factory=list)
    before: bytes | None = START

    def read(self, position: int, link: Any, row: Any) -> None:
        wrong = self._what_is_wrong(position, link, row)
        if wrong:
            self.findings.append(Finding(link.row_id if link else None, position, wrong))
        # Of a link whose predecessor is gone or false nothing more can be said than that it is where it belongs.
        self.before = link.link if link and wrong in {None, Tampering.DELETED, Tampering.FLIPPED} else None

    def _what_is_wrong(self, position: int, link: Any, row: Any) -> Tampering | None:
        if link is None:
            return Tampering.DELETED
        if not self.vault.recognises(_seal(position, link.row_id, link.mac), link.seal):
            return Tampering.REORDERED
        if self.before is not None and not self.vault.recognises(_link(self.before, link.seal), link.link):
            return Tampering.REORDERED
        if row is None:
            return Tampering.DELETED
        return None if row.mac == link.mac and self.chain.is_signed(self.vault, row) else Tampering.FLIPPED
