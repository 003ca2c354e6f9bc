from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic_core import to_json

from app.domain.explanations import Language
from app.routers.deps import allow
from app.routers.documented import reads
from app.routers.unit_of_work import QuestionRoute
from app.schemas.base import SubscriberId
from app.schemas.overview import OverviewRead
from app.services import overview
from app.services.overview import Onlooker

router = APIRouter(tags=["subscribers"], route_class=QuestionRoute)


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
    request: Request,
    language: Annotated[
        Language | None, Query(description="Of the prompt; the operator's own if none is given")
    ] = None,
) -> Response:
    seen = await overview.look(_onlooker(request, language), subscriber_id)
    # Written as it is: it was put together of what was checked when it came in, and an agent waits for it.
    return Response(to_json(seen), media_type="application/json")


def _onlooker(request: Request, language: Language | None) -> Onlooker:
    state, resources = request.state, request.state.resources
    known = (resources.lane, state.caller, resources.bundles, resources.settings, resources.vault, state.at)
    return Onlooker(*known, language or resources.settings.language)
