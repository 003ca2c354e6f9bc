from typing import Annotated

from fastapi import APIRouter, Path, Response

from app.models import Subscriber
from app.routers import examples
from app.routers.deps import AtDep, IfMatch, ResourcesDep, SessionDep, allow, etag, require_version
from app.routers.documented import reads, writes
from app.routers.unit_of_work import UnitOfWorkRoute
from app.schemas.base import IsoDate, SubscriberId
from app.schemas.subscribers import (
    SnapshotRead,
    SnapshotWrite,
    SubscriberRead,
    SubscriberSnapshotRead,
    SubscriberUpdate,
    SubscriberWrite,
)
from app.services import subscribers
from app.vault import Vault

router = APIRouter(tags=["subscribers"], route_class=UnitOfWorkRoute)

Id = Annotated[SubscriberId, Path()]


@router.put(
    "/v1/subscribers/{subscriber_id}",
    operation_id="put_subscriber",
    summary="Create a subscriber, or replace the profile",
    dependencies=[allow("subscribers:write")],
    responses={201: {"model": SubscriberRead, "description": "Created"}, **writes()},
    openapi_extra=examples.body(examples.SUBSCRIBER),
)
async def put_subscriber(
    subscriber_id: Id,
    profile: SubscriberWrite,
    session: SessionDep,
    resources: ResourcesDep,
    at: AtDep,
    response: Response,
) -> SubscriberRead:
    fields = profile.model_dump() | {"contact": profile.contact and profile.contact.model_dump(exclude_none=True)}
    subscriber, created = await subscribers.put_subscriber(session, resources.vault, subscriber_id, fields, at)
    if created:
        response.status_code = 201
        response.headers["Location"] = f"/v1/subscribers/{subscriber_id}"
    return await _read(subscriber, session, resources.vault, response)


@router.get(
    "/v1/subscribers/{subscriber_id}",
    operation_id="get_subscriber",
    summary="A profile, contact masked, with the latest feature snapshot",
    dependencies=[allow("subscribers:read")],
    responses=reads(404),
)
async def get_subscriber(
    subscriber_id: Id, session: SessionDep, resources: ResourcesDep, response: Response
) -> SubscriberRead:
    subscriber = await subscribers.get_subscriber(session, subscriber_id)
    return await _read(subscriber, session, resources.vault, response)


@router.patch(
    "/v1/subscribers/{subscriber_id}",
    operation_id="update_subscriber",
    summary="Change some fields of a profile",
    dependencies=[allow("subscribers:write")],
    responses=writes(404, 412, 428),
    openapi_extra=examples.body(examples.SUBSCRIBER_CHANGE),
)
async def update_subscriber(
    subscriber_id: Id,
    changes: SubscriberUpdate,
    if_match: IfMatch,
    session: SessionDep,
    resources: ResourcesDep,
    at: AtDep,
    response: Response,
) -> SubscriberRead:
    subscriber = await subscribers.get_subscriber(session, subscriber_id, for_update=True)
    require_version(if_match, subscriber.version)
    fields = changes.model_dump(exclude_unset=True)
    if changes.contact:
        fields["contact"] = changes.contact.model_dump(exclude_none=True)
    subscribers.apply(subscriber, resources.vault, subscribers.merged(subscriber, resources.vault, fields), at)
    return await _read(subscriber, session, resources.vault, response)


@router.delete(
    "/v1/subscribers/{subscriber_id}",
    operation_id="erase_subscriber",
    summary="Erase a subscriber and everything that identifies them",
    status_code=204,
    dependencies=[allow("privacy:admin")],
    responses=writes(404),
)
async def erase_subscriber(subscriber_id: Id, session: SessionDep) -> None:
    await subscribers.erase_subscriber(session, subscriber_id)


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


async def _read(subscriber: Subscriber, session: SessionDep, vault: Vault, response: Response) -> SubscriberRead:
    latest = await subscribers.find_latest_snapshot(session, subscriber.subscriber_id)
    response.headers["ETag"] = etag(subscriber.version)
    columns = {name: getattr(subscriber, name) for name in SubscriberRead.model_fields if hasattr(subscriber, name)}
    return SubscriberRead.model_validate(
        columns
        | {
            "contact": subscribers.masked_contact(subscriber, vault),
            "latest_snapshot": latest and SnapshotRead(as_of=latest.as_of, features=latest.features),
        }
    )
