"""A table becomes subscribers with one feature snapshot each: upserted, so the same table twice changes nothing."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice
from typing import Final

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import Sessions, transaction
from app.domain.features import FeatureType
from app.models import FeatureSnapshot, Subscriber
from app.pipelines.mapping import Mapping
from app.pipelines.records import Record, Reject, records
from app.pipelines.tables import Row, Table
from app.schemas.subscribers import SubscriberWrite
from app.services import features, subscribers
from app.vault import Vault

CHUNK_ROWS: Final = 1000
LEAST_OF_A_LEVEL: Final = 5
MOST_LEVELS: Final = 200
MOST_TEXTS_COUNTED: Final = 10_000

Taken = tuple[Row, Record] | list[Reject]
_profile = TypeAdapter(SubscriberWrite)


@dataclass(slots=True)
class Tally:
    """Counts that add up: read = stored + refused, stored = created + changed + unchanged."""

    read: int = 0
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: int = 0
    levels: dict[str, Counter[str]] = field(default_factory=dict)

    @property
    def stored(self) -> int:
        return self.created + self.changed + self.unchanged


@dataclass(frozen=True, slots=True)
class Import:
    """One import: a table, a mapping bound to it, the date it speaks of, who hears of refusals and progress (0…1)."""

    table: Table
    mapping: Mapping
    source: str
    as_of: date
    refuse: Callable[[Reject], object]
    progress: Callable[[float], None]


async def import_table(sessions: Sessions, vault: Vault, job: Import, clock: Callable[[], datetime]) -> Tally:
    """Store the table a chunk at a time, each dated as it comes: after a crash, importing again completes it."""
    declared = job.mapping.features()
    categories = [feature.name for feature in declared if feature.type is FeatureType.CATEGORY]
    async with transaction(sessions) as session:
        await features.define_features(session, declared, job.source, clock())
    tally, seen = Tally(), set[str]()
    for chunk in _chunks(records(job.mapping, job.table)):
        tally.read += len(chunk)
        taken = _sift(job.mapping, chunk, seen, job.refuse)
        tally.refused += len(chunk) - len(taken)
        if taken:
            async with transaction(sessions) as session:
                await _store(session, vault, taken, job.as_of, clock(), tally)
        _note_levels(tally, taken, categories)
        job.progress(job.table.progress())
    async with transaction(sessions) as session:
        await features.add_levels(session, _levels(tally))
    return tally


def _chunks(taken: Iterable[Taken]) -> Iterator[list[Taken]]:
    iterator = iter(taken)
    while chunk := list(islice(iterator, CHUNK_ROWS)):
        yield chunk


def _sift(mapping: Mapping, chunk: Iterable[Taken], seen: set[str], refuse: Callable[[Reject], object]) -> list[Record]:
    """Keep the records fit to store, and say of every other row why it is not."""
    kept = []
    for taken in chunk:
        if isinstance(taken, list):
            rejects = taken
        elif taken[1].subscriber_id in seen:
            rejects = [Reject(taken[1].line, "", "is of a subscriber who came before in this table")]
        else:
            rejects = check_profile(mapping, taken[1])
        for reject in rejects:
            refuse(reject)
        if not rejects and not isinstance(taken, list):
            seen.add(taken[1].subscriber_id)
            kept.append(taken[1])
    return kept


def check_profile(mapping: Mapping, record: Record) -> list[Reject]:
    """Put a record's profile to the rules of the wire, so that a table can bring in nothing a caller could not."""
    body = {**record.profile, "consents": record.consents, "contact": record.contact or None}
    try:
        checked = _profile.validate_python(body)
    except ValidationError as error:
        columns = {source.to.removeprefix("profile."): column for column, source in mapping.sources()}
        places = [(".".join(map(str, e["loc"])), e["msg"].removeprefix("Value error, ")) for e in error.errors()]
        return [Reject(record.line, columns.get(place, place), reason) for place, reason in places]
    record.profile.update({name: getattr(checked, name) for name in record.profile})
    return []


async def _store(
    session: AsyncSession, vault: Vault, records: Sequence[Record], as_of: date, at: datetime, tally: Tally
) -> None:
    """Store a chunk of records, each of another subscriber."""
    ids = [record.subscriber_id for record in records]
    created = await subscribers.create_missing(session, vault, ids, at)
    query = select(Subscriber).where(Subscriber.subscriber_id.in_(ids)).order_by(Subscriber.subscriber_id)
    found = {row.subscriber_id: row for row in await session.scalars(query.with_for_update())}
    touched = await _store_snapshots(session, records, as_of, at)
    for record in records:
        subscriber = found[record.subscriber_id]
        said = dict(record.profile)
        said |= {"consents": record.consents} if record.consents else {}
        said |= {"contact": record.contact} if record.contact else {}  # else there is nothing to unseal
        changed = subscribers.apply(subscriber, vault, subscribers.merged(subscriber, vault, said), at)
        if record.subscriber_id in created:
            tally.created += 1
        elif changed or record.subscriber_id in touched:
            tally.changed += 1
        else:
            tally.unchanged += 1


async def _store_snapshots(session: AsyncSession, records: Sequence[Record], as_of: date, at: datetime) -> set[str]:
    rows = [
        {"subscriber_id": record.subscriber_id, "as_of": as_of, "features": record.features, "recorded_at": at}
        for record in records
        if record.features
    ]
    if not rows:
        return set()
    statement = insert(FeatureSnapshot).values(rows)
    new = statement.excluded
    upsert = statement.on_conflict_do_update(
        index_elements=["subscriber_id", "as_of"],
        set_={"features": new.features, "recorded_at": new.recorded_at},
        where=FeatureSnapshot.features.is_distinct_from(new.features),
    )
    return set(await session.scalars(upsert.returning(FeatureSnapshot.subscriber_id)))


def _note_levels(tally: Tally, records: Iterable[Record], categories: Iterable[str]) -> None:
    names = list(categories)
    for record in records:
        for name in names:
            seen = tally.levels.setdefault(name, Counter())
            level = record.features.get(name)
            if isinstance(level, str) and (level in seen or len(seen) < MOST_TEXTS_COUNTED):
                seen[level] += 1


def _levels(tally: Tally) -> dict[str, set[str]]:
    """The texts that are levels. One that only few have may be somebody's own, and the dictionary outlives erasure."""
    common = {
        name: {level for level, n in seen.items() if n >= LEAST_OF_A_LEVEL} for name, seen in tally.levels.items()
    }
    return {name: levels for name, levels in common.items() if len(levels) <= MOST_LEVELS}
