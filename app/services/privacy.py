"""What a person has a right to: a copy of everything stored of them, and who looked at it."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, LargeBinary, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import AccessEntry, ApiKey, Base, Subscriber
from app.schemas.privacy import AccessRead
from app.services import contests, decisions, outcomes
from app.services.subscribers import not_found, of_person, vault_of
from app.vault import Vault

# Copies of answers, which hold nothing that is not exported with its table, under a key of the service's own.
NOT_EXPORTED: Final = frozenset({"idempotency_answers"})
# What is of use to the service alone: keys, digests, signatures.
_INTERNAL: Final = frozenset({"data_key", "phone_index", "mac"})
# Sealed fields that are bound to another word than their column's name.
_SEALED_AS: Final = {
    ("contests", "reason"): contests.REASON,
    ("decisions", "context"): decisions.CONTEXT,
    ("outcomes", "reason"): outcomes.REASON,
}


def tables_of_people() -> dict[str, type[Base]]:
    """Return every table whose rows belong to a person, by name: those that know one's id, or pseudonym."""
    found = {mapper.class_.__tablename__: mapper.class_ for mapper in Base.registry.mappers}
    return {name: table for name, table in sorted(found.items()) if {"subscriber_id", "pseudonym"} & _columns(table)}


def _columns(table: type[Base]) -> set[str]:
    return set(table.__table__.columns.keys())


async def export_person(session: AsyncSession, vault: Vault, subscriber_id: str) -> dict[str, list[dict[str, Any]]]:
    """Copy all that is stored of a person under all their ids; raises SubscriberNotFound."""
    people = await _find_person(session, subscriber_id)
    copyist = _Copyist(people, vault)
    tables = {}
    for name, table in tables_of_people().items():
        if name not in NOT_EXPORTED:
            query = select(table).where(_is_of(table, people)).order_by(*table.__table__.primary_key)
            tables[name] = [copyist.copy(row) for row in await session.scalars(query)]
    return tables


async def _find_person(session: AsyncSession, subscriber_id: str) -> Sequence[Subscriber]:
    query = select(Subscriber).where(of_person(Subscriber.subscriber_id, subscriber_id))
    people = (await session.scalars(query)).all()
    if not people:
        raise not_found()
    return people


def _is_of(table: Any, people: Sequence[Subscriber]) -> ColumnElement[bool]:
    if "subscriber_id" in _columns(table):
        mine: ColumnElement[bool] = table.subscriber_id.in_([person.subscriber_id for person in people])
    else:
        mine = table.pseudonym.in_([person.pseudonym for person in people])
    return mine


@dataclass(slots=True)
class _Copyist:
    """Writes rows as they are told, each sealed field opened with its person's key."""

    people: Sequence[Subscriber]
    vault: Vault
    _words: dict[object, Vault] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for person in self.people:
            self._words[person.subscriber_id] = self._words[person.pseudonym] = vault_of(person, self.vault)

    def copy(self, row: Base) -> dict[str, Any]:
        return dict(self._fields(row))

    def _fields(self, row: Base) -> Iterator[tuple[str, Any]]:
        for column in row.__table__.columns:
            if column.name not in _INTERNAL:
                value = getattr(row, column.name)
                is_sealed = isinstance(column.type, LargeBinary) and value is not None
                yield column.name, self._opened(row, column.name, value) if is_sealed else value

    def _opened(self, row: Any, name: str, sealed: bytes) -> Any:
        owner = row.subscriber_id if "subscriber_id" in _columns(type(row)) else row.pseudonym
        label = _SEALED_AS.get((row.__tablename__, name), name)
        text = self._words[owner].unseal(sealed, label).decode()
        return json.loads(text) if name in {"contact", "context"} else text


async def list_accesses(session: AsyncSession, subscriber_id: str, before: UUID | None, limit: int) -> list[AccessRead]:
    """List who read or changed what of a person, the latest first; raises SubscriberNotFound."""
    people = await _find_person(session, subscriber_id)
    query = (
        select(AccessEntry, ApiKey.name)
        .join(ApiKey, ApiKey.id == AccessEntry.caller_id)
        .where(AccessEntry.pseudonyms.overlap([person.pseudonym for person in people]))
    )
    if before is not None:
        query = query.where(AccessEntry.id < before)
    found = await session.execute(query.order_by(AccessEntry.id.desc()).limit(limit))
    return [_shown(entry, caller) for entry, caller in found]


def _shown(entry: AccessEntry, caller: str) -> AccessRead:
    return AccessRead(
        caller=caller, **{name: getattr(entry, name) for name in AccessRead.model_fields if name != "caller"}
    )
