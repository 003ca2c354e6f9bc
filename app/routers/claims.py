from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Response

from app.routers import examples
from app.routers.deps import AtDep, CallerDep, SessionDep, allow
from app.routers.documented import writes
from app.routers.unit_of_work import Once, UnitOfWorkRoute
from app.schemas.claims import ClaimCreate, ClaimRead
from app.services import claims

router = APIRouter(tags=["claims"], route_class=UnitOfWorkRoute)


@router.post(
    "/v1/contact-claims",
    operation_id="claim_contact",
    summary="Claim the right to be the only one who contacts a person for a purpose",
    status_code=201,
    dependencies=[allow("claims:write"), Once],
    responses=writes(409),
    openapi_extra=examples.body(examples.CLAIM),
)
async def claim_contact(
    wanted: ClaimCreate, session: SessionDep, caller: CallerDep, at: AtDep, response: Response
) -> ClaimRead:
    made = await claims.claim(session, caller, wanted, at)
    response.headers["Location"] = f"/v1/contact-claims/{made.id}"
    return ClaimRead.model_validate(made, from_attributes=True)


@router.delete(
    "/v1/contact-claims/{claim_id}",
    operation_id="release_contact",
    summary="Give a claim back before it expires",
    status_code=204,
    dependencies=[allow("claims:write")],
    responses=writes(404),
)
async def release_contact(claim_id: Annotated[UUID, Path()], session: SessionDep, caller: CallerDep, at: AtDep) -> None:
    await claims.release(session, caller, claim_id, at)
