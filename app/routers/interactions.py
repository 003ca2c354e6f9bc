from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from app.models import Interaction
from app.routers import examples
from app.routers.deps import AtDep, CallerDep, Cursor, Limit, ResourcesDep, SessionDep, allow
from app.routers.documented import reads, writes
from app.routers.unit_of_work import Once, UnitOfWorkRoute
from app.schemas.base import Page, SubscriberId, as_page, decode_time_cursor
from app.schemas.interactions import InteractionCreate, InteractionRead
from app.services import interactions, subscribers
from app.vault import Vault

router = APIRouter(tags=["interactions"], route_class=UnitOfWorkRoute)


@router.post(
    "/v1/interactions",
    operation_id="record_interaction",
    summary="Record one contact",
    status_code=201,
    dependencies=[allow("interactions:write"), Once],
    responses={
        200: {"model": InteractionRead, "description": "This client_reference was recorded before"},
        **writes(409),
    },
    openapi_extra=examples.body(examples.INTERACTION),
)
async def record_interaction(
    contact: InteractionCreate,
    session: SessionDep,
    caller: CallerDep,
    resources: ResourcesDep,
    at: AtDep,
    response: Response,
) -> InteractionRead:
    row, subscriber, is_new = await interactions.record_interaction(session, resources.vault, caller, contact, at)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/v1/interactions/{row.id}"
    return _read(row, subscribers.vault_of(subscriber, resources.vault))


@router.get(
    "/v1/interactions",
    operation_id="list_interactions",
    summary="A subscriber's contacts, latest first",
    dependencies=[allow("interactions:read")],
    responses=reads(404),
)
async def list_interactions(
    subscriber_id: Annotated[SubscriberId, Query()],
    session: SessionDep,
    resources: ResourcesDep,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[InteractionRead]:
    subscriber = await subscribers.get_subscriber(session, subscriber_id)
    before = decode_time_cursor(cursor) if cursor is not None else None
    rows = await interactions.list_interactions(session, subscriber_id, before=before, limit=limit + 1)
    words = subscribers.vault_of(subscriber, resources.vault)
    return as_page(
        [_read(row, words) for row in rows], limit, lambda item: (item.occurred_at.isoformat(), str(item.id))
    )


@router.get(
    "/v1/interactions/{interaction_id}",
    operation_id="get_interaction",
    summary="One contact",
    dependencies=[allow("interactions:read")],
    responses=reads(404),
)
async def get_interaction(
    interaction_id: Annotated[UUID, Path()], session: SessionDep, resources: ResourcesDep
) -> InteractionRead:
    row, subscriber = await interactions.get_interaction(session, interaction_id)
    return _read(row, subscribers.vault_of(subscriber, resources.vault))


def _read(row: Interaction, words: Vault) -> InteractionRead:
    columns = {name: getattr(row, name) for name in InteractionRead.model_fields}
    texts = {name: interactions.unseal_text(words, columns[name], name) for name in ("reason", "request")}
    return InteractionRead.model_validate(columns | texts)
