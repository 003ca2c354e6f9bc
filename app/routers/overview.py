from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic_core import to_json

from app.routers.deps import Resources, allow
from app.routers.documented import reads
from app.routers.unit_of_work import QuestionRoute
from app.schemas.base import SubscriberId
from app.schemas.overview import OverviewRead
from app.services import overview
from app.services.overview import Onlooker

router = APIRouter(tags=["subscribers"], route_class=QuestionRoute)


async def _onlooker(request: Request) -> Onlooker:
    resources: Resources = request.state.resources
    state = request.state
    return Onlooker(resources.lane, state.caller, resources.bundles, resources.settings, resources.vault, state.at)


@router.get(
    "/v1/subscribers/{subscriber_id}/overview",
    operation_id="get_overview",
    summary="Everything at a glance, for whoever picks up next",
    response_class=Response,
    dependencies=[allow("subscribers:read")],
    responses={200: {"model": OverviewRead, "description": "The overview"}, **reads(404)},
)
async def get_overview(
    subscriber_id: Annotated[SubscriberId, Path()],
    onlooker: Annotated[Onlooker, Depends(_onlooker)],
) -> Response:
    seen = await overview.look(onlooker, subscriber_id)
    # Written as it is: it was put together of what was checked when it came in, and an agent waits for it.
    return Response(to_json(seen), media_type="application/json")
