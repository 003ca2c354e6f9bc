"""Profiles and dated features; erasure."""

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from typing import Any, Final, NamedTuple
from uuid import uuid4

from sqlalchemy import ARRAY, String, any_, cast, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain import subscribers as rules
from app.errors import Invalid, NotFound
from app.models import FeatureSnapshot, IdempotencyAnswer, Subscriber
from app.services.features import check_features
from app.vault import Vault

CONTACT: Final = "contact"
PLAIN_FIELDS: Final = (
    "region",
    "brand",
    "value_tier",
    "payment_type",
    "group_id",
    "joined_on",
    "status",
    "consents",
)


class SubscriberNotFound(NotFound):
    """There is no such subscriber."""


class SubscriberUnknown(Invalid):
    """The subscriber is not known."""


class SnapshotOfTheFuture(Invalid):
    """Nothing is known of a day to come."""


class SnapshotNotFound(NotFound):
    """There is no snapshot of that date."""


async def get_subscriber(session: AsyncSession, subscriber_id: str, *, for_update: bool = False) -> Subscriber:
    query = select(Subscriber).where(Subscriber.subscriber_id == subscriber_id)
    found = await session.scalar(query.with_for_update() if for_update else query)
    if found is None:
        raise not_found()
    return found


def not_found() -> NotFound:
    return SubscriberNotFound("there is no subscriber with this id")


async def hold_subscriber(session: AsyncSession, subscriber_id: str) -> Subscriber:
    """Return the subscriber a new fact is about, kept from being erased until the transaction ends.

    Raises SubscriberUnknown naming the field, since here the id came in a body.
    """
    query = select(Subscriber).where(Subscriber.subscriber_id == subscriber_id)
    found = await session.scalar(query.with_for_update(read=True, key_share=True))
    if found is None:
        raise unknown()
    return found


class Known(NamedTuple):
    """As much of a subscriber as recording a fact takes."""

    subscriber_id: str
    data_key: bytes
    owner: str | None


async def list_known(session: AsyncSession, subscriber_ids: Collection[str]) -> dict[str, Known]:
    """Return those of these subscribers that are known.

    They are not held: of one erased meanwhile no row can be written, and the caller is told to try again.
    """
    # As one array: a list of a thousand parameters costs more to write down than the rows to find.
    query = select(Subscriber.subscriber_id, Subscriber.data_key, Subscriber.owner)
    query = query.where(Subscriber.subscriber_id == any_(cast(list(subscriber_ids), ARRAY(String))))
    return {row[0]: Known(*row) for row in await session.execute(query)}


async def list_identity(session: AsyncSession, subscriber_id: str) -> tuple[str, ...]:
    """Return every id of one person, the surviving one first; raises SubscriberNotFound.

    Whichever of them is asked for: a merge is a pointer, so the ids of a person are one step apart.
    """
    subscriber = await get_subscriber(session, subscriber_id)
    survivor = subscriber.merged_into or subscriber_id
    merged = select(Subscriber.subscriber_id).where(Subscriber.merged_into == survivor)
    return survivor, *(await session.scalars(merged.order_by(Subscriber.subscriber_id)))


def unknown() -> Invalid:
    return SubscriberUnknown.at("/subscriber_id", "is not a known subscriber")


async def put_subscriber(
    session: AsyncSession, vault: Vault, subscriber_id: str, profile: Mapping[str, Any], at: datetime
) -> tuple[Subscriber, bool]:
    """Create a subscriber or replace the profile; tells whether it was created."""
    created = await create_missing(session, vault, [subscriber_id], at)
    subscriber = await get_subscriber(session, subscriber_id, for_update=True)
    apply(subscriber, vault, profile, at)
    return subscriber, bool(created)


async def create_missing(session: AsyncSession, vault: Vault, subscriber_ids: Iterable[str], at: datetime) -> set[str]:
    """Create empty profiles for those ids that are not there yet, and return these ids."""
    rows = [
        {
            "subscriber_id": subscriber_id,
            # Random on purpose: a time-ordered one would tell when somebody joined after they are erased.
            "pseudonym": uuid4(),
            "data_key": vault.new_data_key(subscriber_id),
            "status": rules.SubscriberStatus.ACTIVE.value,
            "consents": {},
            "version": 0,  # the first thing said of it makes it 1
            "created_at": at,
            "updated_at": at,
        }
        for subscriber_id in subscriber_ids
    ]
    statement = insert(Subscriber).values(rows).on_conflict_do_nothing().returning(Subscriber.subscriber_id)
    return set(await session.scalars(statement))


def apply(subscriber: Subscriber, vault: Vault, changes: Mapping[str, Any], at: datetime) -> bool:
    """Set the given profile fields; tells whether anything became different, which is what makes a new version."""
    before = {name: getattr(subscriber, name) for name in PLAIN_FIELDS}
    after = before | {name: value for name, value in changes.items() if name in before}
    after["status"] = str(after["status"])
    changed = after != before
    for name, value in after.items():
        setattr(subscriber, name, value)
    contact = changes.get("contact") or None  # an empty one is none
    if "contact" in changes and contact != read_contact(subscriber, vault):
        subscriber.contact = _seal_contact(subscriber, vault, contact)
        changed = True
    if changed or subscriber.version == 0:
        subscriber.version += 1
        subscriber.updated_at = at
    return changed


def merged(subscriber: Subscriber, vault: Vault, said: Mapping[str, Any]) -> dict[str, Any]:
    """Lay consents and contact fields over those that are there: what is not mentioned was not withdrawn."""
    changes = dict(said)
    if said.get("consents") is not None:
        changes["consents"] = subscriber.consents | said["consents"]
    if said.get("contact") is not None:
        changes["contact"] = (read_contact(subscriber, vault) or {}) | said["contact"]
    return changes


def vault_of(subscriber: Subscriber | Known, vault: Vault) -> Vault:
    return vault.of(subscriber.data_key, subscriber.subscriber_id)


def read_contact(subscriber: Subscriber, vault: Vault) -> dict[str, str] | None:
    if subscriber.contact is None:
        return None
    contact: dict[str, str] = json.loads(vault_of(subscriber, vault).unseal(subscriber.contact, CONTACT))
    return contact


def masked_contact(subscriber: Subscriber, vault: Vault) -> dict[str, str] | None:
    return mask(vault_of(subscriber, vault), subscriber.contact) if subscriber.contact else None


def mask(words: Vault, sealed_contact: bytes) -> dict[str, str]:
    """Open a sealed contact and show as much of it as confirms what somebody says of themselves."""
    masks = {"phone": rules.mask_phone, "email": rules.mask_email}
    contact: dict[str, str] = json.loads(words.unseal(sealed_contact, CONTACT))
    return {name: masks.get(name, rules.mask_text)(value) for name, value in contact.items()}


def _seal_contact(subscriber: Subscriber, vault: Vault, contact: Mapping[str, str] | None) -> bytes | None:
    return vault_of(subscriber, vault).seal(json.dumps(contact).encode(), CONTACT) if contact else None


async def erase_subscriber(session: AsyncSession, subscriber_id: str) -> None:
    """Erase a subscriber everywhere: their rows, their kept answers, and the key to whatever a backup still holds.

    Decisions and outcomes stay, under a pseudonym that nothing connects to the subscriber any more.
    """
    subscriber = await get_subscriber(session, subscriber_id, for_update=True)
    await session.execute(delete(IdempotencyAnswer).where(IdempotencyAnswer.subscriber_id == subscriber_id))
    await session.delete(subscriber)
    await session.flush()


async def put_snapshot(
    session: AsyncSession,
    subscriber_id: str,
    as_of: date,
    features: Mapping[str, Any],
    *,
    at: datetime,
    today: date,
) -> tuple[FeatureSnapshot, bool]:
    """Store what was known of a subscriber as of a date, replacing what was stored for it before.

    Raises FeaturesNotInDictionary by name. Tells whether the snapshot is new.
    """
    require_known_day(as_of, today)
    await check_features(session, features)
    await get_subscriber(session, subscriber_id, for_update=True)
    snapshot = await session.get(FeatureSnapshot, (subscriber_id, as_of))
    is_new = snapshot is None
    if snapshot is None:
        snapshot = FeatureSnapshot(subscriber_id=subscriber_id, as_of=as_of)
        session.add(snapshot)
    snapshot.features, snapshot.recorded_at = dict(features), at
    await session.flush()
    return snapshot, is_new


def require_known_day(as_of: date, today: date) -> None:
    if as_of > today:
        raise SnapshotOfTheFuture.at("/path/as_of", "lies in the future")


async def get_snapshot(session: AsyncSession, subscriber_id: str, as_of: date) -> FeatureSnapshot:
    await get_subscriber(session, subscriber_id)
    snapshot = await session.get(FeatureSnapshot, (subscriber_id, as_of))
    if snapshot is None:
        raise SnapshotNotFound("there is no snapshot of that date")
    return snapshot


async def find_latest_snapshot(session: AsyncSession, subscriber_id: str) -> FeatureSnapshot | None:
    return await session.scalar(
        select(FeatureSnapshot)
        .where(FeatureSnapshot.subscriber_id == subscriber_id)
        .order_by(FeatureSnapshot.as_of.desc())
        .limit(1)
    )
