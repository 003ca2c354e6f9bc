"""The chain over all decisions: each row is signed as it is written, and linked to all before it a little later.

Signing is a keyed digest: who can write to the tables, and nothing more, can make neither a row nor a link.
"""

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, NamedTuple
from uuid import UUID

from pydantic_core import from_json
from sqlalchemy import Select, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import Sessions, lock, transaction
from app.errors import Conflict, Invalid
from app.models import Decision, DecisionLink
from app.vault import Vault

START: Final = bytes(32)
CHUNK: Final = 500
# A row is linked long before this has passed: one that turns up later was not written by us.
SETTLED: Final = timedelta(minutes=10)
_DOUBTFUL: Final = 10**15
_SIGNED: Final = (
    "id",
    "pseudonym",
    "caller_id",
    "channel",
    "direction",
    "decided_at",
    "newest_fact",
    "arm",
    "policy_version",
    "inputs",
    "answer",
)


class HeadGone(Conflict):
    """The chain does not run through a link that was its head."""


class Tampering(StrEnum):
    FLIPPED = "flipped"
    DELETED = "deleted"
    INSERTED = "inserted"
    REORDERED = "reordered"


class Finding(NamedTuple):
    """What is wrong with which decision, or at which position where nothing is left of it."""

    decision_id: UUID | None
    position: int | None
    what: Tampering


class Verified(NamedTuple):
    """How far the chain reaches, what its last link is, how many rows wait to be linked, and what is wrong."""

    linked: int
    head: bytes
    waiting: int
    findings: list[Finding]


def mac_of(vault: Vault, row: dict[str, Any]) -> bytes:
    """Sign a row that is about to be stored, `inputs` and `answer` as the JSON they will be: all but the signature."""
    inputs, answer = (from_json(row[name]) for name in ("inputs", "answer"))
    text = _text(row | {"inputs": inputs, "answer": answer})
    features = inputs["facts"].get("features", {})
    return vault.fingerprint(_as_read_back(text) if _may_look_different(text, features) else text.encode())


def is_signed(vault: Vault, decision: Decision) -> bool:
    """Tell whether a stored row is what was signed."""
    return decision.mac is not None and vault.recognises(_as_read_back(_text(vars(decision))), decision.mac)


def _text(row: Mapping[str, Any]) -> str:
    signed = {name: row[name] for name in _SIGNED}
    signed["context"] = b64encode(row["context"]).decode() if row["context"] else None
    return json.dumps(signed, default=_plain, sort_keys=True)


def _as_read_back(text: str) -> bytes:
    """Write each number as it is once PostgreSQL has had it.

    It writes a number without an exponent and knows no negative zero; what looks like a large integer there may have
    been a float here.
    """
    return json.dumps(json.loads(text, parse_int=_integer, parse_float=_float), sort_keys=True).encode()


def _may_look_different(text: str, features: Mapping[str, Any]) -> bool:
    """Tell whether a number may: in few decisions, while writing all anew takes half as long as deciding.

    Only a feature may be as large as an integer that is doubtful.
    """
    has_large = any(isinstance(value, int) and abs(value) >= _DOUBTFUL for value in features.values())
    return has_large or "e+" in text or "-0.0" in text


def _integer(digits: str) -> float | int:
    return int(digits) if abs(int(digits)) < _DOUBTFUL else float(digits)


def _float(digits: str) -> float:
    return float(digits) + 0.0


def _plain(value: object) -> str:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)


def _seal(position: int, decision_id: UUID, mac: bytes) -> bytes:
    return b"seal" + position.to_bytes(8) + decision_id.bytes + mac


def _link(before: bytes, seal: bytes) -> bytes:
    return b"link" + before + seal


def _earliest(decision_id: UUID) -> UUID:
    """The least id of the time some minutes before a decision: what began earlier has long been written."""
    milliseconds = max((decision_id.int >> 80) - SETTLED // timedelta(milliseconds=1), 0)
    return UUID(int=milliseconds << 80)


async def extend(sessions: Sessions, vault: Vault) -> int:
    """Link the decisions that are signed and not linked yet, in the order of their ids; returns how many."""
    linked, after = 0, UUID(int=0)
    while True:
        async with transaction(sessions) as session:
            added, last = await _extend(session, vault, after)
        linked += added
        if last is None:
            return linked
        after = last


async def _extend(session: AsyncSession, vault: Vault, after: UUID) -> tuple[int, UUID | None]:
    """Link a chunk of them; returns how many, and after which id there may be more."""
    await lock(session, "decision chain")
    last = await _last_link(session)
    position, before = (last.position, last.link) if last else (0, START)
    after = max(after, _earliest(last.decision_id)) if last else after
    query = _unlinked(Decision).where(Decision.mac.is_not(None), Decision.id > after).order_by(Decision.id)
    waiting = (await session.scalars(query.limit(CHUNK))).all()
    rows = []
    for decision in waiting:
        if decision.mac is None or not is_signed(vault, decision):
            continue  # it was not written by us as it stands, and `verify` says so
        position += 1
        seal = vault.fingerprint(_seal(position, decision.id, decision.mac))
        before = vault.fingerprint(_link(before, seal))
        link = {"position": position, "decision_id": decision.id, "mac": decision.mac, "seal": seal, "link": before}
        rows.append(link)
    if rows:
        await session.execute(insert(DecisionLink), rows)
    return len(rows), waiting[-1].id if len(waiting) == CHUNK else None


async def _last_link(session: AsyncSession) -> DecisionLink | None:
    return await session.scalar(select(DecisionLink).order_by(DecisionLink.position.desc()).limit(1))


def _unlinked(*what: Any) -> Select[Any]:
    query = select(*what).outerjoin(DecisionLink, DecisionLink.decision_id == Decision.id)
    return query.where(DecisionLink.decision_id.is_(None))


async def require_head(session: AsyncSession, head: str) -> None:
    """Raise HeadGone unless the chain runs through a head noted earlier: cutting off its end leaves no other trace."""
    position, _, link = head.partition(":")
    if not position.isdecimal():
        raise Invalid(f"a head is written POSITION:LINK, and {head!r} is not")
    found = await session.get(DecisionLink, int(position))
    if found is None or found.link.hex() != link:
        raise HeadGone(f"the chain no longer runs through its head of position {position}: its end was cut off")


async def verify(session: AsyncSession, vault: Vault, show: Callable[[float], object]) -> Verified:
    """Walk the whole chain and every decision beside it; `show` takes the share that is done, 0…1."""
    last = await _last_link(session)
    length = last.position if last else 0
    reader = _Reader(vault)
    for start in range(0, length, CHUNK):
        query = (
            select(DecisionLink, Decision)
            .outerjoin(Decision, Decision.id == DecisionLink.decision_id)
            .where(DecisionLink.position > start, DecisionLink.position <= start + CHUNK)
        )
        rows = {link.position: (link, decision) for link, decision in await session.execute(query)}
        for position in range(start + 1, min(start + CHUNK, length) + 1):
            reader.read(position, *rows.get(position, (None, None)))
        session.expunge_all()
        show(min(1.0, (start + CHUNK) / length))
    waiting = await _read_unlinked(session, reader, last)
    return Verified(length, last.link if last else START, waiting, reader.findings)


async def _read_unlinked(session: AsyncSession, reader: "_Reader", last: DecisionLink | None) -> int:
    """Rows that are not linked yet are signed all the same; one that should have been linked long ago was put in."""
    waiting = 0
    first = await session.scalar(select(DecisionLink.decision_id).order_by(DecisionLink.position).limit(1))
    for decision in await session.scalars(_unlinked(Decision).order_by(Decision.id)):
        is_older_than_signing = decision.mac is None and (first is None or decision.id < first)
        is_late = last is not None and decision.id <= _earliest(last.decision_id)
        if is_older_than_signing:
            continue
        if is_late or not is_signed(reader.vault, decision):
            what = Tampering.INSERTED if is_late or await _is_copy(session, decision) else Tampering.FLIPPED
            reader.findings.append(Finding(decision.id, None, what))
        else:
            waiting += 1
    return waiting


async def _is_copy(session: AsyncSession, decision: Decision) -> bool:
    """Tell whether a row's signature is another's, or none: one that was changed still carries its own."""
    if decision.mac is None:
        return True
    others = select(Decision.id).where(Decision.mac == decision.mac, Decision.id != decision.id)
    return await session.scalar(others.limit(1)) is not None


@dataclass(slots=True)
class _Reader:
    """Reads link after link, and remembers what the one before said."""

    vault: Vault
    findings: list[Finding] = field(default_factory=list)
    before: bytes | None = START

    def read(self, position: int, link: DecisionLink | None, decision: Decision | None) -> None:
        wrong = self._what_is_wrong(position, link, decision)
        if wrong:
            self.findings.append(Finding(link.decision_id if link else None, position, wrong))
        # Of a link whose predecessor is gone or false nothing more can be said than that it is where it belongs.
        self.before = link.link if link and wrong in {None, Tampering.DELETED, Tampering.FLIPPED} else None

    def _what_is_wrong(self, position: int, link: DecisionLink | None, decision: Decision | None) -> Tampering | None:
        if link is None:
            return Tampering.DELETED
        if not self.vault.recognises(_seal(position, link.decision_id, link.mac), link.seal):
            return Tampering.REORDERED
        if self.before is not None and not self.vault.recognises(_link(self.before, link.seal), link.link):
            return Tampering.REORDERED
        if decision is None:
            return Tampering.DELETED
        return None if decision.mac == link.mac and is_signed(self.vault, decision) else Tampering.FLIPPED
