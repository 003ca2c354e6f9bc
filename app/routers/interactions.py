from collections.abc import Iterable, Mapping
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic_core import to_json

from app.errors import AppError
from app.models import Interaction, Subscriber
from app.routers import batches, examples
from app.routers.deps import AtDep, CallerDep, Cursor, Limit, ResourcesDep, SessionDep, allow, takes
from app.routers.documented import reads, writes
from app.routers.unit_of_work import Once, QuestionRoute, UnitOfWorkRoute
from app.schemas.base import Page, PlainName, SubscriberId, as_page, decode_time_cursor
from app.schemas.interactions import (
    InteractionBatch,
    InteractionBatchRead,
    InteractionCreate,
    InteractionRead,
    VisitRead,
)
from app.services import interactions, subscribers, timeline
from app.services.interactions import Recorded
from app.vault import Vault

router = APIRouter(tags=["interactions"], route_class=UnitOfWorkRoute)
questions = APIRouter(tags=["interactions"], route_class=QuestionRoute)


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
    [answer] = await interactions.record_interactions(session, resources.vault, caller, [contact], at)
    if isinstance(answer, AppError):
        raise answer
    response.status_code = 201 if answer.is_new else 200
    response.headers["Location"] = f"/v1/interactions/{answer.row['id']}"
    subscriber = await subscribers.get_subscriber(session, answer.row["subscriber_id"])
    return _read(answer.row, subscribers.vault_of(subscriber, resources.vault))


@router.post(
    "/v1/interactions/batch",
    operation_id="record_interactions",
    summary="Record up to 10,000 contacts, with an answer for each",
    status_code=207,
    response_class=Response,
    dependencies=[allow("interactions:write"), Once],
    responses={207: {"model": InteractionBatchRead, "description": "An answer for each item"}, **writes(409)},
    openapi_extra=takes(9) | examples.body(examples.INTERACTIONS),
)
async def record_interactions(
    batch: InteractionBatch,
    session: SessionDep,
    caller: CallerDep,
    resources: ResourcesDep,
    at: AtDep,
    request: Request,
) -> Response:
    answers = await interactions.record_interactions(session, resources.vault, caller, batches.valid(batch.items), at)
    return batches.answered(batch.items, answers, _item, request.state.request_id)


@questions.get(
    "/v1/interactions",
    operation_id="list_interactions",
    summary="A subscriber's contacts, latest first",
    dependencies=[allow("interactions:read")],
    response_class=Response,
    responses={200: {"model": Page[InteractionRead], "description": "Contacts"}, **reads(404)},
)
async def list_interactions(
    subscriber_id: Annotated[SubscriberId, Query()],
    request: Request,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    state, resources = request.state, request.state.resources
    before = timeline.END if cursor is None else decode_time_cursor(cursor)
    reach = state.caller.reach
    items = await timeline.list_contacts(resources.lane, resources.vault, reach, subscriber_id, before, limit + 1)
    page = as_page(items, limit, lambda item: (item["occurred_at"].isoformat(), item["id"]))
    # Written as it is: it was checked when it came in, and an agent waits for it.
    return Response(to_json(dict(page)), media_type="application/json")


router.routes += questions.routes


@router.get(
    "/v1/subscribers/{subscriber_id}/visits/{visit}",
    operation_id="get_visit",
    summary="One visit: its contacts in the order in which they happened",
    dependencies=[allow("interactions:read")],
    responses=reads(404),
)
async def get_visit(
    subscriber_id: Annotated[SubscriberId, Path()],
    visit: Annotated[PlainName, Path()],
    session: SessionDep,
    resources: ResourcesDep,
) -> VisitRead:
    items = _shown(await interactions.get_visit(session, subscriber_id, visit), resources.vault)
    return VisitRead(
        subscriber_id=subscriber_id,
        visit=visit,
        started_at=items[0].occurred_at,
        ended_at=items[-1].occurred_at,
        touchpoints=[item.touchpoint for item in items],
        items=items,
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
    [shown] = _shown([await interactions.get_interaction(session, interaction_id)], resources.vault)
    return shown


def _item(recorded: Recorded) -> dict[str, Any]:
    return {"status": 201 if recorded.is_new else 200, "id": recorded.row["id"]}


def _shown(rows: Iterable[tuple[Interaction, Subscriber]], vault: Vault) -> list[InteractionRead]:
    return [_read(vars(row), subscribers.vault_of(subscriber, vault)) for row, subscriber in rows]


def _read(row: Mapping[str, Any], words: Vault) -> InteractionRead:
    columns = {name: row[name] for name in InteractionRead.model_fields}
    texts = {name: interactions.unseal_text(words, columns[name], name) for name in ("reason", "request")}
    return InteractionRead.model_validate(columns | texts)
