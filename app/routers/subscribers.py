import re
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response

from app.models import Subscriber
from app.routers import examples
from app.routers.deps import (
    AtDep,
    CallerDep,
    Cursor,
    IfMatch,
    Limit,
    ResourcesDep,
    SessionDep,
    allow,
    etag,
    require_version,
)
from app.routers.documented import reads, writes
from app.routers.unit_of_work import Once, UnitOfWorkRoute
from app.schemas.base import AwareTime, CursorRefused, IsoDate, Page, SubscriberId, as_page, decode_cursor
from app.schemas.subscribers import (
    Contact,
    LifecycleRead,
    MergeCreate,
    MergeRead,
    ProfileVersionRead,
    SnapshotWrite,
    SubscriberRead,
    SubscriberSearch,
    SubscribersFound,
    SubscriberSnapshotRead,
    SubscriberUpdate,
    SubscriberWrite,
)
from app.services import erasures, merges, profiles, subscribers
from app.services.access import require_agent
from app.services.merges import Clerk
from app.services.profiles import Reading

router = APIRouter(tags=["subscribers"], route_class=UnitOfWorkRoute)

Id = Annotated[SubscriberId, Path()]


async def _reading(session: SessionDep, resources: ResourcesDep, at: AtDep) -> Reading:
    return Reading(session, resources.vault, resources.settings, at)


async def _clerk(caller: CallerDep, resources: ResourcesDep, at: AtDep) -> Clerk:
    return Clerk(caller, resources.vault, at)


ReadingDep = Annotated[Reading, Depends(_reading)]
ClerkDep = Annotated[Clerk, Depends(_clerk)]


@router.put(
    "/v1/subscribers/{subscriber_id}",
    operation_id="put_subscriber",
    summary="Create a subscriber, or replace the profile",
    dependencies=[allow("subscribers:write")],
    responses={201: {"model": SubscriberRead, "description": "Created"}, **writes(409)},
    openapi_extra=examples.body(examples.SUBSCRIBER),
)
async def put_subscriber(
    subscriber_id: Id, profile: SubscriberWrite, reading: ReadingDep, caller: CallerDep, response: Response
) -> SubscriberRead:
    require_agent(caller, profile.owner)
    fields = profile.model_dump() | _contact(profile.contact)
    subscriber, created = await subscribers.put_subscriber(
        reading.session, reading.vault, subscriber_id, fields, reading.at
    )
    if created:
        response.status_code = 201
        response.headers["Location"] = f"/v1/subscribers/{subscriber_id}"
    return await _read(reading, subscriber, response)


@router.post(
    "/v1/subscribers/search",
    operation_id="search_subscribers",
    summary="Find subscribers by phone, or by what their id begins with",
    dependencies=[allow("subscribers:read")],
    responses=writes(),
    openapi_extra=examples.body(examples.SUBSCRIBER_SEARCH),
)
async def search_subscribers(asked: SubscriberSearch, reading: ReadingDep) -> SubscribersFound:
    return SubscribersFound(items=await profiles.search(reading, asked))


@router.get(
    "/v1/lifecycle",
    operation_id="get_lifecycle",
    summary="The stages of the lifecycle, what each asks, how many stand at which key point, and where they may move",
    dependencies=[allow("subscribers:read")],
    responses=reads(),
)
async def get_lifecycle(session: SessionDep) -> LifecycleRead:
    return await profiles.read_lifecycle(session)


@router.get(
    "/v1/subscribers/{subscriber_id}",
    operation_id="get_subscriber",
    summary="A profile, contact masked, with the latest feature snapshot; or as it was known at a time",
    dependencies=[allow("subscribers:read")],
    responses=reads(404),
)
async def get_subscriber(
    subscriber_id: Id,
    reading: ReadingDep,
    response: Response,
    as_of: Annotated[AwareTime | None, Query(description="Answer what was known then, without the contact")] = None,
) -> SubscriberRead:
    subscriber = await subscribers.get_subscriber(reading.session, subscriber_id)
    if as_of is not None:
        return await profiles.read_as_of(reading, subscriber, as_of)
    return await _read(reading, subscriber, response)


@router.get(
    "/v1/subscribers/{subscriber_id}/profile-versions",
    operation_id="list_profile_versions",
    summary="What a profile said since when, latest first",
    dependencies=[allow("subscribers:read")],
    responses=reads(404),
)
async def list_profile_versions(
    subscriber_id: Id, session: SessionDep, limit: Limit = 50, cursor: Cursor = None
) -> Page[ProfileVersionRead]:
    before = _version_in(cursor) if cursor is not None else None
    items = await profiles.list_versions(session, subscriber_id, before=before, limit=limit + 1)
    return as_page(items, limit, lambda item: (str(item.version),))


@router.patch(
    "/v1/subscribers/{subscriber_id}",
    operation_id="update_subscriber",
    summary="Change some fields of a profile",
    dependencies=[allow("subscribers:write")],
    responses=writes(404, 409, 412, 428),
    openapi_extra=examples.body(examples.SUBSCRIBER_CHANGE),
)
async def update_subscriber(
    subscriber_id: Id,
    changes: SubscriberUpdate,
    if_match: IfMatch,
    reading: ReadingDep,
    caller: CallerDep,
    response: Response,
) -> SubscriberRead:
    require_agent(caller, changes.owner)
    subscriber = await subscribers.get_subscriber(reading.session, subscriber_id, for_update=True)
    require_version(if_match, subscriber.version)
    said = changes.model_dump(exclude_unset=True) | (_contact(changes.contact) if changes.contact else {})
    subscribers.apply(subscriber, reading.vault, subscribers.merged(subscriber, reading.vault, said), reading.at)
    return await _read(reading, subscriber, response)


@router.delete(
    "/v1/subscribers/{subscriber_id}",
    operation_id="erase_subscriber",
    summary="Erase a subscriber, with every id merged into theirs, and everything that identifies them",
    status_code=204,
    dependencies=[allow("privacy:admin")],
    responses=writes(404),
)
async def erase_subscriber(subscriber_id: Id, session: SessionDep, clerk: ClerkDep) -> None:
    await erasures.erase_subscriber(session, clerk, subscriber_id)


@router.post(
    "/v1/subscribers/{subscriber_id}/merges",
    operation_id=merges.OPERATION,
    summary="Say that another id is of the same person: it points to this one, and no fact moves",
    status_code=201,
    dependencies=[allow("subscribers:write"), Once],
    responses={200: {"model": MergeRead, "description": "It is merged already"}, **writes(404, 409)},
    openapi_extra=examples.body(examples.MERGE),
)
async def merge_subscriber(
    subscriber_id: Id, wanted: MergeCreate, session: SessionDep, clerk: ClerkDep, response: Response
) -> MergeRead:
    is_new = await merges.merge(session, clerk, subscriber_id, wanted.duplicate_id)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/v1/subscribers/{subscriber_id}/merges/{wanted.duplicate_id}"
    return MergeRead(subscriber_id=subscriber_id, duplicate_id=wanted.duplicate_id)


@router.delete(
    "/v1/subscribers/{subscriber_id}/merges/{duplicate_id}",
    operation_id="unmerge_subscriber",
    summary="Take a merge back: each id has its own facts again",
    status_code=204,
    dependencies=[allow("subscribers:write")],
    responses=writes(404),
)
async def unmerge_subscriber(subscriber_id: Id, duplicate_id: Id, session: SessionDep, clerk: ClerkDep) -> None:
    await merges.unmerge(session, clerk, subscriber_id, duplicate_id)


@router.put(
    "/v1/subscribers/{subscriber_id}/snapshots/{as_of}",
    operation_id="put_snapshot",
    summary="Store what is known of a subscriber as of a date",
    dependencies=[allow("subscribers:write")],
    responses={201: {"model": SubscriberSnapshotRead, "description": "Created"}, **writes(404)},
    openapi_extra=examples.body(examples.SNAPSHOT),
)
async def put_snapshot(
    subscriber_id: Id,
    as_of: Annotated[IsoDate, Path()],
    snapshot: SnapshotWrite,
    session: SessionDep,
    resources: ResourcesDep,
    at: AtDep,
    response: Response,
) -> SubscriberSnapshotRead:
    today = resources.settings.today(at)
    stored, created = await subscribers.put_snapshot(
        session, subscriber_id, as_of, snapshot.features, at=at, today=today
    )
    if created:
        response.status_code = 201
        response.headers["Location"] = f"/v1/subscribers/{subscriber_id}/snapshots/{as_of}"
    return SubscriberSnapshotRead.model_validate(stored, from_attributes=True)


@router.get(
    "/v1/subscribers/{subscriber_id}/snapshots/{as_of}",
    operation_id="get_snapshot",
    summary="What was known of a subscriber as of a date",
    dependencies=[allow("subscribers:read")],
    responses=reads(404),
)
async def get_snapshot(
    subscriber_id: Id, as_of: Annotated[IsoDate, Path()], session: SessionDep
) -> SubscriberSnapshotRead:
    stored = await subscribers.get_snapshot(session, subscriber_id, as_of)
    return SubscriberSnapshotRead.model_validate(stored, from_attributes=True)


async def _read(reading: Reading, subscriber: Subscriber, response: Response) -> SubscriberRead:
    response.headers["ETag"] = etag(subscriber.version)
    return await profiles.read(reading, subscriber)


def _version_in(cursor: str) -> int:
    [version] = decode_cursor(cursor, 1)
    if not re.fullmatch("[0-9]{1,9}", version):
        raise CursorRefused.at("/query/cursor", "is not a cursor of this list")
    return int(version)


def _contact(contact: Contact | None) -> dict[str, Any]:
    return {"contact": contact.model_dump(exclude_none=True) if contact else None}
