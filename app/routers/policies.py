from fastapi import APIRouter

from app.models import PolicyVersion
from app.routers import examples
from app.routers.deps import AtDep, CallerDep, SessionDep, allow
from app.routers.documented import reads, writes
from app.routers.unit_of_work import UnitOfWorkRoute
from app.schemas.policies import PolicyRead, PolicyRules
from app.services import policies

router = APIRouter(tags=["actions"], route_class=UnitOfWorkRoute)


@router.get(
    "/v1/policy",
    operation_id="get_policy",
    summary="The rules in force beside the catalogue",
    dependencies=[allow("catalogue:read")],
    responses=reads(),
)
async def get_policy(session: SessionDep) -> PolicyRead:
    return _read(await policies.current(session))


@router.put(
    "/v1/policy",
    operation_id="put_policy",
    summary="Replace the rules; decisions from now on go by them",
    dependencies=[allow("catalogue:write")],
    responses=writes(),
    openapi_extra=examples.body(examples.POLICY),
)
async def put_policy(rules: PolicyRules, session: SessionDep, caller: CallerDep, at: AtDep) -> PolicyRead:
    return _read(await policies.publish(session, at, caller.id, rules))


def _read(row: PolicyVersion) -> PolicyRead:
    return PolicyRead.model_validate(row.document["rules"] | {"version": row.version, "published_at": row.published_at})
