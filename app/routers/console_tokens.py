from fastapi import APIRouter

from app.routers import examples
from app.routers.deps import AtDep, CallerDep, ResourcesDep, SessionDep, allow
from app.routers.documented import writes
from app.routers.unit_of_work import Once, UnitOfWorkRoute
from app.schemas.console_tokens import ConsoleTokenCreate, ConsoleTokenRead
from app.services import tokens

router = APIRouter(tags=["console"], route_class=UnitOfWorkRoute)


@router.post(
    "/v1/console-tokens",
    operation_id="make_console_token",
    summary="Make a token for one agent's screen on one person: 15 minutes, that person alone",
    status_code=201,
    dependencies=[allow("subscribers:read"), Once],
    responses=writes(409),
    openapi_extra=examples.body(examples.CONSOLE_TOKEN),
)
async def make_console_token(
    wanted: ConsoleTokenCreate, session: SessionDep, resources: ResourcesDep, caller: CallerDep, at: AtDep
) -> ConsoleTokenRead:
    made = await tokens.make_console_token(session, resources.vault, caller, wanted.subscriber_id, wanted.agent_id, at)
    return ConsoleTokenRead(subscriber_id=wanted.subscriber_id, **made._asdict())
