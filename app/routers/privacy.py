from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic_core import to_json

from app.routers.deps import AtDep, Cursor, Limit, ResourcesDep, SessionDep, allow, takes
from app.routers.documented import reads
from app.routers.unit_of_work import UnitOfWorkRoute
from app.schemas.base import Page, SubscriberId, as_page, decode_id_cursor
from app.schemas.privacy import AccessRead, PersonExport
from app.services import privacy

router = APIRouter(tags=["privacy"], route_class=UnitOfWorkRoute)

Id = Annotated[SubscriberId, Path()]
EXPORT_SECONDS = 10


@router.get(
    "/v1/subscribers/{subscriber_id}/export",
    operation_id="export_person",
    summary="A copy of everything that is stored of a person, under all their ids",
    response_class=Response,
    dependencies=[allow("privacy:admin")],
    responses={200: {"model": PersonExport, "description": "The copy"}, **reads(404)},
    openapi_extra=takes(EXPORT_SECONDS),
)
async def export_person(subscriber_id: Id, session: SessionDep, resources: ResourcesDep, at: AtDep) -> Response:
    tables = await privacy.export_person(session, resources.vault, subscriber_id)
    # Written as it is stored: the shapes of tables are not those of the wire.
    told = {"subscriber_id": subscriber_id, "exported_at": at, "tables": tables}
    return Response(to_json(told), media_type="application/json")


@router.get(
    "/v1/subscribers/{subscriber_id}/accesses",
    operation_id="list_accesses",
    summary="Who read or changed what of a person, when, and what for: the latest first",
    dependencies=[allow("privacy:admin")],
    responses=reads(404),
)
async def list_accesses(
    subscriber_id: Id, session: SessionDep, limit: Limit = 50, cursor: Cursor = None
) -> Page[AccessRead]:
    before = decode_id_cursor(cursor) if cursor is not None else None
    found = await privacy.list_accesses(session, subscriber_id, before, limit + 1)
    return as_page(found, limit, lambda access: (str(access.id),))
