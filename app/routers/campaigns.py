from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from app.domain.campaigns import CampaignState
from app.domain.evaluations import CampaignVerdict
from app.models import Campaign
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
    takes,
)
from app.routers.documented import reads, writes
from app.routers.unit_of_work import Once, UnitOfWorkRoute
from app.schemas.base import Code, Page, SafeStr, as_page, decode_cursor, decode_id_cursor
from app.schemas.campaigns import (
    CampaignCreate,
    CampaignMemberRead,
    CampaignRead,
    CampaignUpdate,
    EvaluationRead,
    SimilarCampaignRead,
    SimilarCampaignsRead,
)
from app.services import campaigns, evaluations
from app.services.evaluations import Evaluating

router = APIRouter(tags=["campaigns"], route_class=UnitOfWorkRoute)

Id = Annotated[UUID, Path()]


@router.post(
    "/v1/campaigns",
    operation_id="create_campaign",
    summary="Define a campaign: segment, window, actions, holdout, owner, goal",
    status_code=201,
    dependencies=[allow("campaigns:write"), Once],
    responses=writes(409),
    openapi_extra=examples.body(examples.CAMPAIGN),
)
async def create_campaign(
    campaign: CampaignCreate, session: SessionDep, caller: CallerDep, at: AtDep, response: Response
) -> CampaignRead:
    made = await campaigns.create_campaign(session, caller, campaign, at)
    response.headers["Location"] = f"/v1/campaigns/{made.id}"
    return _read(made, response)


@router.get(
    "/v1/campaigns",
    operation_id="list_campaigns",
    summary="Campaigns, latest first, with the results of those that ended: what worked before?",
    dependencies=[allow("campaigns:read")],
    responses=reads(),
)
async def list_campaigns(
    session: SessionDep,
    state: Annotated[CampaignState | None, Query()] = None,
    action: Annotated[Code | None, Query()] = None,
    verdict: Annotated[CampaignVerdict | None, Query(description="Of those that ended")] = None,
    q: Annotated[SafeStr | None, Query(max_length=128, description="Words of the name or the goal")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[CampaignRead]:
    asked: dict[str, str | None] = {"state": state, "action": action, "verdict": verdict, "q": q}
    before = decode_id_cursor(cursor) if cursor is not None else None
    rows = await campaigns.list_campaigns(session, asked=asked, before=before, limit=limit + 1)
    return as_page([_shape(row) for row in rows], limit, lambda item: (str(item.id),))


@router.get(
    "/v1/campaigns/{campaign_id}",
    operation_id="get_campaign",
    summary="One campaign",
    dependencies=[allow("campaigns:read")],
    responses=reads(404),
)
async def get_campaign(campaign_id: Id, session: SessionDep, response: Response) -> CampaignRead:
    return _read(await campaigns.get_campaign(session, campaign_id), response)


@router.patch(
    "/v1/campaigns/{campaign_id}",
    operation_id="update_campaign",
    summary="Change a draft; start a campaign, which enrols its segment; end it, which keeps its result",
    dependencies=[allow("campaigns:write")],
    responses=writes(404, 409, 412, 428),
    openapi_extra=takes(9) | examples.body(examples.CAMPAIGN_CHANGE),
)
async def update_campaign(
    campaign_id: Id,
    changes: CampaignUpdate,
    if_match: IfMatch,
    session: SessionDep,
    resources: ResourcesDep,
    at: AtDep,
    response: Response,
) -> CampaignRead:
    campaign = await campaigns.get_campaign(session, campaign_id, for_update=True)
    require_version(if_match, campaign.version)
    evaluating = Evaluating(session, resources.settings, campaign, at)
    await evaluations.update_campaign(evaluating, changes.model_dump(exclude_unset=True))
    return _read(campaign, response)


@router.get(
    "/v1/campaigns/{campaign_id}/members",
    operation_id="list_campaign_members",
    summary="Who takes part, in which arm: whom to contact with what, and whom to leave alone",
    dependencies=[allow("campaigns:read")],
    responses=reads(404),
)
async def list_campaign_members(
    campaign_id: Id,
    session: SessionDep,
    arm: Annotated[Code | None, Query(description="An action's code, or holdout")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[CampaignMemberRead]:
    campaign = await campaigns.get_campaign(session, campaign_id)
    after = decode_cursor(cursor, 1)[0] if cursor is not None else None
    rows = await campaigns.list_members(session, campaign, arm, after=after, limit=limit + 1)
    items = [CampaignMemberRead(subscriber_id=id, arm=given, enrolled_at=at) for id, given, at in rows]
    return as_page(items, limit, lambda item: (item.subscriber_id,))


@router.get(
    "/v1/campaigns/{campaign_id}/similar",
    operation_id="find_similar_campaigns",
    summary="The campaigns of the past that are most like this one, with what they brought",
    dependencies=[allow("campaigns:read")],
    responses=reads(404),
)
async def find_similar_campaigns(campaign_id: Id, session: SessionDep) -> SimilarCampaignsRead:
    campaign = await campaigns.get_campaign(session, campaign_id)
    found = await campaigns.find_similar(session, campaign)
    return SimilarCampaignsRead(
        items=[SimilarCampaignRead(campaign=_shape(other), likeness=alike) for other, alike in found]
    )


@router.get(
    "/v1/campaigns/{campaign_id}/evaluation",
    operation_id="evaluate_campaign",
    summary="What a campaign brought against its holdout: effect, verdict, ROI, and what followed",
    dependencies=[allow("campaigns:read")],
    responses=reads(404, 409),
    openapi_extra=takes(9),
)
async def evaluate_campaign(campaign_id: Id, session: SessionDep, resources: ResourcesDep, at: AtDep) -> EvaluationRead:
    campaign = await campaigns.get_campaign(session, campaign_id)
    found = await evaluations.evaluate(Evaluating(session, resources.settings, campaign, at))
    return EvaluationRead.model_validate(found)


def _read(campaign: Campaign, response: Response) -> CampaignRead:
    response.headers["ETag"] = etag(campaign.version)
    return _shape(campaign)


def _shape(campaign: Campaign) -> CampaignRead:
    return CampaignRead.model_validate({name: getattr(campaign, name) for name in CampaignRead.model_fields})
