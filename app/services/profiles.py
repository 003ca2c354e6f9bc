"""Profiles as they are read: now, as of a time, version after version; and found by phone or by the id's beginning."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, exists, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain import segments
from app.domain.interactions import Direction, Need
from app.domain.lifecycle import KEY_POINTS, MOVES, QUESTIONS, KeyPoint
from app.domain.subscribers import Locality, Payer, SubscriberStatus
from app.errors import Invalid, NotFound, Violation
from app.models import FeatureSnapshot, ProfileVersion, Subscriber
from app.schemas.subscribers import (
    KeyPointRead,
    LifecycleRead,
    PlainProfile,
    ProfileVersionRead,
    SnapshotRead,
    StageRead,
    SubscriberFound,
    SubscriberRead,
    SubscriberSearch,
)
from app.services import subscribers
from app.settings import Settings
from app.vault import Vault

MOST_FOUND: Final = 20
_VISITS_COUNTED: Final = timedelta(days=segments.VISITS_COUNTED_DAYS)
_CONTACT_FIELDS: Final = "contact_fields"

# In one round trip: when each field last changed, and how often somebody came to have something done, under this id or
# one merged into it.
_TOLD: Final = text(f"""
    SELECT (
        SELECT json_object_agg(field, at) FROM (
            SELECT key AS field, max(since) AS at FROM (
                SELECT each.key, each.value, v.since,
                       lag(each.value) OVER (PARTITION BY each.key ORDER BY v.version) AS before
                FROM profile_versions v CROSS JOIN LATERAL jsonb_each(v.profile) AS each
                WHERE v.subscriber_id = :subscriber_id AND v.version <= :version AND each.key <> '{_CONTACT_FIELDS}'
            ) said
            WHERE before IS DISTINCT FROM value GROUP BY key
        ) changes
    ) AS changed_at, (
        SELECT count(*) FROM interactions
        WHERE subscriber_id IN (
            SELECT subscriber_id FROM subscribers WHERE subscriber_id = :subscriber_id OR merged_into = :subscriber_id
        ) AND occurred_at > :visits_since AND occurred_at <= :at
        AND direction = '{Direction.INBOUND}' AND need = '{Need.TRANSACT}'
    ) AS visits
""")  # noqa: S608  # only our own words are written into it


class NotKnownThen(NotFound):
    """The subscriber was not known at that time."""


class SearchRefused(Invalid):
    """A search takes a phone or the beginning of an id, one of them."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading profiles takes."""

    session: AsyncSession
    vault: Vault
    settings: Settings
    at: datetime


async def read(reading: Reading, subscriber: Subscriber) -> SubscriberRead:
    """Return a profile as it is, its contact masked."""
    latest = await subscribers.find_latest_snapshots(reading.session, {subscriber.subscriber_id})
    contact = subscribers.masked_contact(subscriber, reading.vault)
    plain = {name: getattr(subscriber, name) for name in subscribers.PLAIN_FIELDS}
    shown = plain | {
        "contact": contact,
        "version": subscriber.version,
        "updated_at": subscriber.updated_at,
        "latest_snapshot": _snapshot(latest.get(subscriber.subscriber_id)),
    }
    return await _shape(reading, subscriber, shown, contact or {}, reading.at)


async def read_as_of(reading: Reading, subscriber: Subscriber, at: datetime) -> SubscriberRead:
    """Return a profile as it was known at a time, without its contact; raises NotKnownThen."""
    then = await _version_as_of(reading, subscriber, at)
    plain = {name: then.profile.get(name) for name in subscribers.PLAIN_FIELDS}
    shown = plain | {
        "joined_on": date.fromisoformat(plain["joined_on"]) if plain["joined_on"] else None,
        "contact": None,
        "version": then.version,
        "updated_at": then.since,
        "latest_snapshot": _snapshot(await _snapshot_as_of(reading.session, subscriber.subscriber_id, at)),
    }
    return await _shape(reading, subscriber, shown, then.profile.get(_CONTACT_FIELDS, ()), at)


async def _shape(
    reading: Reading, subscriber: Subscriber, shown: Mapping[str, Any], contact_fields: Collection[str], at: datetime
) -> SubscriberRead:
    asked = {"subscriber_id": subscriber.subscriber_id, "version": shown["version"]}
    times = {"at": at, "visits_since": at - _VISITS_COUNTED}
    told = (await reading.session.execute(_TOLD, asked | times)).one()
    changed_at = told.changed_at or {}
    marks = segments.marks_of(_marked(shown, contact_fields), told.visits, reading.settings.today(at))
    return SubscriberRead.model_validate(
        {
            **shown,
            "subscriber_id": subscriber.subscriber_id,
            "merged_into": subscriber.merged_into,
            "created_at": subscriber.created_at,
            "marks": asdict(marks),
            "changed_at": changed_at,
            "lifecycle_since": changed_at.get("lifecycle_stage") if shown["lifecycle_stage"] else None,
        }
    )


def _marked(shown: Mapping[str, Any], contact_fields: Collection[str]) -> segments.Profile:
    return segments.Profile(
        status=SubscriberStatus(shown["status"]),
        joined_on=shown["joined_on"],
        group_id=shown["group_id"],
        payer=Payer(shown["payer"]) if shown["payer"] else None,
        locality=Locality(shown["locality"]) if shown["locality"] else None,
        lifecycle_stage=KeyPoint(shown["lifecycle_stage"]) if shown["lifecycle_stage"] else None,
        contact_fields=contact_fields,
    )


def _snapshot(stored: FeatureSnapshot | subscribers.LatestSnapshot | None) -> SnapshotRead | None:
    return SnapshotRead(as_of=stored.as_of, features=stored.features) if stored else None


async def _snapshot_as_of(session: AsyncSession, subscriber_id: str, at: datetime) -> FeatureSnapshot | None:
    query = select(FeatureSnapshot).where(
        FeatureSnapshot.subscriber_id == subscriber_id, FeatureSnapshot.recorded_at <= at
    )
    return await session.scalar(query.order_by(FeatureSnapshot.as_of.desc()).limit(1))


async def _version_as_of(reading: Reading, subscriber: Subscriber, at: datetime) -> ProfileVersion:
    mine = ProfileVersion.subscriber_id == subscriber.subscriber_id
    query = select(ProfileVersion).where(mine, ProfileVersion.since <= at).order_by(ProfileVersion.version.desc())
    then = await reading.session.scalar(query.limit(1))
    if then is None and subscriber.updated_at <= at:  # not changed since versions are kept
        then = subscribers.version_of(subscriber, reading.vault)
    if then is None:
        raise NotKnownThen("the subscriber was not known at that time")
    return then


async def list_versions(
    session: AsyncSession, subscriber_id: str, *, before: int | None, limit: int
) -> list[ProfileVersionRead]:
    """List what a profile said, latest first, each version with the fields that it changed."""
    await subscribers.get_subscriber(session, subscriber_id)
    query = select(ProfileVersion).where(ProfileVersion.subscriber_id == subscriber_id)
    if before is not None:
        query = query.where(ProfileVersion.version < before)
    rows = (await session.scalars(query.order_by(ProfileVersion.version.desc()).limit(limit + 1))).all()
    earlier = [row.profile for row in rows[1:]]
    if len(rows) <= limit:
        earlier.append({})
    return [_version(row, profile) for row, profile in zip(rows, earlier, strict=False)]


def _version(row: ProfileVersion, before: Mapping[str, Any]) -> ProfileVersionRead:
    changed = sorted(name for name, value in row.profile.items() if value != before.get(name))
    plain = {name: row.profile.get(name) for name in subscribers.PLAIN_FIELDS}
    return ProfileVersionRead(
        version=row.version,
        since=row.since,
        changed=changed,
        profile=PlainProfile.model_validate(plain),
        contact_fields=row.profile.get(_CONTACT_FIELDS, []),
    )


async def search(reading: Reading, asked: SubscriberSearch) -> list[SubscriberFound]:
    """Find up to twenty subscribers by their phone, or by what their id begins with; raises SearchRefused."""
    if (asked.phone is None) == (asked.id_prefix is None):
        told = "give a phone or an id_prefix, one of them"
        raise SearchRefused(told, [Violation("/phone", told), Violation("/id_prefix", told)])
    found: ColumnElement[bool]
    if asked.phone is not None:
        found = Subscriber.phone_index.in_(reading.vault.phone_digests(asked.phone))
    else:
        found = Subscriber.subscriber_id.startswith(asked.id_prefix or "", autoescape=True)
    rows = await reading.session.scalars(
        select(Subscriber).where(found).order_by(Subscriber.subscriber_id).limit(MOST_FOUND)
    )
    return [_found(row, reading.vault) for row in rows]


def _found(row: Subscriber, vault: Vault) -> SubscriberFound:
    return SubscriberFound(
        subscriber_id=row.subscriber_id,
        contact=subscribers.masked_contact(row, vault),
        brand=row.brand,
        value_tier=row.value_tier,
        status=SubscriberStatus(row.status),
    )


async def read_lifecycle(session: AsyncSession) -> LifecycleRead:
    """Return the lifecycle's stages, what each asks, and how many persons stand where."""
    point = Subscriber.lifecycle_stage
    query = (
        select(point.label("point"), func.count().label("many")).where(Subscriber.merged_into.is_(None)).group_by(point)
    )
    counts = {row.point: row.many for row in await session.execute(query)}
    stages = [
        StageRead(stage=stage, question=QUESTIONS[stage], key_points=[_key_point(one, counts) for one in points])
        for stage, points in KEY_POINTS.items()
    ]
    return LifecycleRead(stages=stages, nowhere=counts.get(None, 0))


def _key_point(point: KeyPoint, counts: Mapping[str | None, int]) -> KeyPointRead:
    following = [other for other in KeyPoint if other in MOVES[point]]
    return KeyPointRead(key_point=point, subscribers=counts.get(point.value, 0), next=following)


async def complete(session: AsyncSession, vault: Vault, subscriber_ids: Sequence[str]) -> int:
    """Give those of these profiles that were stored before versions were kept their first one, and a phone index."""
    query = select(Subscriber).where(
        subscribers.one_of(subscriber_ids),
        ~exists().where(ProfileVersion.subscriber_id == Subscriber.subscriber_id),
    )
    rows = (await session.scalars(query.order_by(Subscriber.subscriber_id).with_for_update())).all()
    for row in rows:
        row.phone_index = subscribers.phone_index(subscribers.read_contact(row, vault), vault)
        session.add(subscribers.version_of(row, vault))
    return len(rows)
