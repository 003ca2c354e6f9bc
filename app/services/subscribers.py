"""Profiles, each change of which makes a version; dated features."""

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from enum import Enum
from typing import Any, Final, NamedTuple
from uuid import uuid4

from sqlalchemy import ARRAY, ColumnElement, DateTime, String, any_, bindparam, cast, func, or_, select, text, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, object_session

from app.domain import subscribers as rules
from app.domain.lifecycle import KeyPoint, require_step
from app.errors import Invalid, NotFound
from app.models import Base, FeatureSnapshot, ProfileVersion, Subscriber
from app.services.features import check_features
from app.vault import Vault

CONTACT: Final = "contact"
PLAIN_FIELDS: Final = (
    "region",
    "brand",
    "value_tier",
    "payment_type",
    "group_id",
    "payer",
    "locality",
    "sla_level",
    "owner",
    "owner_role",
    "lifecycle_stage",
    "joined_on",
    "timezone",
    "status",
    "consents",
)

# How a question about $1 begins that means the person: the surviving id and all that were merged into it. Each id has
# its own key and its own pseudonym.
PERSON: Final = """
WITH me AS (SELECT * FROM subscribers WHERE subscriber_id = $1),
survivor AS (SELECT coalesce(merged_into, subscriber_id) AS id FROM me),
person AS MATERIALIZED (
    SELECT s.subscriber_id, s.pseudonym, s.data_key, s.consents, s.updated_at
    FROM subscribers s JOIN survivor ON s.subscriber_id = survivor.id
    UNION ALL
    SELECT s.subscriber_id, s.pseudonym, s.data_key, s.consents, s.updated_at
    FROM subscribers s JOIN survivor ON s.merged_into = survivor.id
)"""

# One statement however many there are: a list of VALUES would have to be compiled anew for each length. The first thing
# said of a profile makes its version 1.
_CREATE: Final = text("""
    INSERT INTO subscribers (subscriber_id, pseudonym, data_key, status, consents, version, created_at, updated_at)
    SELECT new.*, :status, '{}', 0, :at, :at
    FROM unnest(CAST(:ids AS text[]), CAST(:pseudonyms AS uuid[]), CAST(:data_keys AS bytea[])) AS new
    ON CONFLICT DO NOTHING RETURNING subscriber_id
""").bindparams(bindparam("at", type_=DateTime(timezone=True)))


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


_HOLD_PERSON: Final = text("""
    WITH held AS MATERIALIZED (
        SELECT coalesce(merged_into, subscriber_id) AS person FROM subscribers
        WHERE subscriber_id = :subscriber_id FOR KEY SHARE
    )
    SELECT set_config('plan_cache_mode', 'force_generic_plan', true) = '',
           pg_advisory_xact_lock(hashtextextended('person ' || person, 0)) IS NULL FROM held
""")


async def hold_person(session: AsyncSession, subscriber_id: str) -> None:
    """Be the only one who decides about a person, by whichever of their ids, until the transaction ends.

    Raises SubscriberUnknown naming the field. What is asked from here on is planned once, not for each subscriber.
    """
    if (await session.execute(_HOLD_PERSON, {"subscriber_id": subscriber_id})).first() is None:
        raise unknown()


# Locks that are tried for, not waited for, cannot end in an embrace whatever their order.
_HOLD_FREE: Final = text("""
    WITH held AS MATERIALIZED (
        SELECT DISTINCT ON (person) subscriber_id, person FROM (
            SELECT subscriber_id, coalesce(merged_into, subscriber_id) AS person FROM subscribers
            WHERE subscriber_id = ANY(CAST(:subscriber_ids AS text[])) FOR KEY SHARE SKIP LOCKED
        ) found
    )
    SELECT subscriber_id, set_config('plan_cache_mode', 'force_generic_plan', true) FROM held
    WHERE pg_try_advisory_xact_lock(hashtextextended('person ' || person, 0))
""")


async def hold_free(session: AsyncSession, subscriber_ids: Iterable[str]) -> set[str]:
    """Hold as `hold_person` does those who are known and whom nobody else holds, one id a person; returns these."""
    return {row[0] for row in await session.execute(_HOLD_FREE, {"subscriber_ids": list(subscriber_ids)})}


class Known(NamedTuple):
    """As much of a subscriber as recording a fact takes."""

    subscriber_id: str
    data_key: bytes
    owner: str | None


async def list_known(session: AsyncSession, subscriber_ids: Collection[str]) -> dict[str, Known]:
    """Return those of these subscribers that are known.

    They are not held: of one erased meanwhile no row can be written, and the caller is told to try again.
    """
    query = select(Subscriber.subscriber_id, Subscriber.data_key, Subscriber.owner).where(one_of(subscriber_ids))
    return {row[0]: Known(*row) for row in await session.execute(query)}


async def list_identity(session: AsyncSession, subscriber_id: str) -> tuple[str, ...]:
    """Return every id of one person, the surviving one first; raises SubscriberNotFound.

    Whichever of them is asked for: a merge is a pointer, so the ids of a person are one step apart.
    """
    subscriber = await get_subscriber(session, subscriber_id)
    survivor = subscriber.merged_into or subscriber_id
    merged = select(Subscriber.subscriber_id).where(Subscriber.merged_into == survivor)
    return survivor, *(await session.scalars(merged.order_by(Subscriber.subscriber_id)))


def one_of(subscriber_ids: Iterable[str]) -> ColumnElement[bool]:
    """The condition of being one of these subscribers.

    As one array: a list of a thousand parameters costs more to write down than the rows to find.
    """
    return Subscriber.subscriber_id == any_(cast(list(subscriber_ids), ARRAY(String)))


def asked_of(table: type[Base], asked: Mapping[str, str | None]) -> list[ColumnElement[bool]]:
    """The conditions of a list: each column that was asked for has the value, and the person is meant by any id."""
    columns = {name: getattr(table, name) for name, value in asked.items() if value is not None}
    return [
        of_person(column, asked[name] or "") if name == "subscriber_id" else column == asked[name]
        for name, column in columns.items()
    ]


def in_progress(closed_at: InstrumentedAttribute[Any], *, is_open: bool | None) -> list[ColumnElement[bool]]:
    """The condition of a list of what is closed some day: open or closed ones, or none where nothing is asked."""
    if is_open is None:
        return []
    return [closed_at.is_(None) if is_open else closed_at.is_not(None)]


def of_person(column: ColumnElement[str] | InstrumentedAttribute[str], subscriber_id: str) -> ColumnElement[bool]:
    """The condition that a column names a person, by whichever of their ids, who is asked for by any of them."""
    named = select(func.coalesce(Subscriber.merged_into, Subscriber.subscriber_id))
    survivor = named.where(Subscriber.subscriber_id == subscriber_id).scalar_subquery()
    person = or_(Subscriber.subscriber_id == survivor, Subscriber.merged_into == survivor)
    return column.in_(select(Subscriber.subscriber_id).where(person))


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
    ids = list(subscriber_ids)
    known = await session.scalars(select(Subscriber.subscriber_id).where(one_of(ids)))
    missing = sorted(set(ids).difference(known))  # in one order for everybody, so that no two wait for each other
    new = {
        "ids": missing,
        # Random on purpose: a time-ordered one would tell when somebody joined after they are erased.
        "pseudonyms": [uuid4() for _ in missing],
        "data_keys": [vault.new_data_key(subscriber_id) for subscriber_id in missing],
        "status": rules.SubscriberStatus.ACTIVE.value,
        "at": at,
    }
    return set(await session.scalars(_CREATE, new)) if missing else set()


def apply(subscriber: Subscriber, vault: Vault, changes: Mapping[str, Any], at: datetime) -> bool:
    """Set the given profile fields; tells whether anything became different, which is what makes a new version.

    Raises LifecycleStep for a move that the lifecycle does not know.
    """
    before = {name: getattr(subscriber, name) for name in PLAIN_FIELDS}
    after = before | {name: _plain(value) for name, value in changes.items() if name in before}
    require_step(_key_point(before), _key_point(after))
    changed = after != before
    for name, value in after.items():
        setattr(subscriber, name, value)
    contact = changes.get("contact") or None  # an empty one is none
    if "contact" in changes and contact != read_contact(subscriber, vault):
        subscriber.contact = _seal_contact(subscriber, vault, contact)
        changed = True
    if changed or subscriber.version == 0:
        make_version(subscriber, vault, at)
    return changed


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value


def _key_point(profile: Mapping[str, Any]) -> KeyPoint | None:
    return KeyPoint(profile["lifecycle_stage"]) if profile["lifecycle_stage"] else None


def make_version(subscriber: Subscriber, vault: Vault, at: datetime) -> None:
    """Count the profile one on and remember what it says now, without what identifies the person.

    The versions of many are written together when their session is flushed.
    """
    # Whoever waited for another change to end came later, whenever they set out.
    since = max(at, subscriber.updated_at)
    subscriber.version += 1
    subscriber.updated_at = since
    session = object_session(subscriber)
    assert session  # noqa: S101  # it was read in one
    session.add(version_of(subscriber, vault))


def version_of(subscriber: Subscriber, vault: Vault) -> ProfileVersion:
    plain = {name: getattr(subscriber, name) for name in PLAIN_FIELDS}
    plain["joined_on"] = subscriber.joined_on and subscriber.joined_on.isoformat()
    contact = read_contact(subscriber, vault) or {}
    return ProfileVersion(
        subscriber_id=subscriber.subscriber_id,
        version=subscriber.version,
        since=subscriber.updated_at,
        profile=plain | {"contact_fields": sorted(contact)},
    )


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


def read_contact(subscriber: Subscriber, vault: Vault) -> dict[str, Any] | None:
    if subscriber.contact is None:
        return None
    contact: dict[str, Any] = json.loads(vault_of(subscriber, vault).unseal(subscriber.contact, CONTACT))
    return contact


def masked_contact(subscriber: Subscriber, vault: Vault) -> dict[str, str] | None:
    return mask(vault_of(subscriber, vault), subscriber.contact) if subscriber.contact else None


def mask(words: Vault, sealed_contact: bytes) -> dict[str, str]:
    """Open a sealed contact and show as much of it as confirms what somebody says of themselves."""
    masks = {"phone": rules.mask_phone, "email": rules.mask_email, "family_numbers": rules.mask_many}
    contact: dict[str, Any] = json.loads(words.unseal(sealed_contact, CONTACT))
    return {name: masks.get(name, rules.mask_text)(value) for name, value in contact.items()}


def _seal_contact(subscriber: Subscriber, vault: Vault, contact: Mapping[str, Any] | None) -> bytes | None:
    subscriber.phone_index = phone_index(contact, vault)
    return vault_of(subscriber, vault).seal(json.dumps(contact).encode(), CONTACT) if contact else None


def phone_index(contact: Mapping[str, Any] | None, vault: Vault) -> bytes | None:
    phone = contact.get("phone") if contact else None
    return vault.phone_digest(phone) if phone else None


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


class LatestSnapshot(NamedTuple):
    """The newest features that are known of a subscriber, and of which day they are."""

    features: dict[str, Any]
    as_of: date


async def find_latest_snapshots(session: AsyncSession, ids: Collection[str]) -> dict[str, LatestSnapshot]:
    """Return the newest snapshot of each of these subscribers who has one; asks nothing for nobody."""
    if not ids:
        return {}
    asked = func.unnest(cast(list(ids), ARRAY(String))).table_valued("id").render_derived()
    newest = (
        select(FeatureSnapshot.features, FeatureSnapshot.as_of)
        .where(FeatureSnapshot.subscriber_id == asked.c.id)
        .order_by(FeatureSnapshot.as_of.desc())
        .limit(1)
        .lateral()  # of each the newest alone is read, however many days there are
    )
    columns = (asked.c.id, newest.c.features, newest.c.as_of)
    rows = await session.execute(select(*columns).select_from(asked).join(newest, true()))
    return {id: LatestSnapshot(features, as_of) for id, features, as_of in rows}
