from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from app.domain.care_cases import Times
from app.routers.deps import AtDep, SessionDep, allow, takes
from app.routers.forms import CSV, JSON, Accept, as_table, form_of, in_forms
from app.routers.unit_of_work import UnitOfWorkRoute
from app.schemas.base import AwareTime, Code, Label
from app.schemas.care_reports import CareGoalRead, CareGoalsRead, PoolCellRead, PoolReportRead
from app.services import care_reports
from app.services.care_reports import Slice
from app.services.service_reports import USUAL_PERIOD, Period

router = APIRouter(tags=["reports"], route_class=UnitOfWorkRoute)


async def _slice(
    open: Annotated[bool, Query(description="False for the closed ones")] = True,  # noqa: A002, FBT002  # its name in the query
    since: Annotated[AwareTime | None, Query(description="Opened then or later")] = None,
    until: Annotated[AwareTime | None, Query(description="Opened before")] = None,
    source: Annotated[Code | None, Query(description="complaint, survey")] = None,
    brand: Annotated[Label | None, Query()] = None,
    region: Annotated[Label | None, Query()] = None,
    channel: Annotated[Code | None, Query()] = None,
    touchpoint: Annotated[Code | None, Query()] = None,
    times: Annotated[Times | None, Query(description="Pieces of evidence")] = None,
) -> Slice:
    levels = (source, brand, region, channel, touchpoint, times)
    return Slice(open, since, until, dict(zip(care_reports.DIMENSIONS, levels, strict=True)))


async def _period(
    at: AtDep,
    since: Annotated[AwareTime | None, Query(description="Thirty days before `until` unless given")] = None,
    until: Annotated[AwareTime | None, Query(description="Now unless given")] = None,
) -> Period:
    return Period(since or (until or at) - USUAL_PERIOD, until or at, at)


@router.get(
    "/v1/reports/pool",
    operation_id="get_pool",
    summary="The pool by source, brand, region, channel, touchpoint and times, as JSON or CSV by Accept",
    description="Each case counts once. CSV holds all cells.",
    dependencies=[allow("reports:read")],
    openapi_extra=takes(9),
    responses=in_forms(PoolReportRead, CSV),
)
async def get_pool(
    session: SessionDep,
    asked: Annotated[Slice, Depends(_slice)],
    limit: Annotated[int, Query(ge=1, le=1000, description="Cells at most, the most populous first")] = 200,
    accept: Accept = JSON,
) -> Any:
    is_table = form_of(accept, CSV) is not None
    report = PoolReportRead.model_validate(await care_reports.pool(session, asked, None if is_table else limit))
    return as_table(PoolCellRead, report.items) if is_table else report


@router.get(
    "/v1/reports/care-goals",
    operation_id="get_care_goals",
    summary="How near the four goals of care are, beside the period before, as JSON or CSV by Accept",
    dependencies=[allow("reports:read")],
    openapi_extra=takes(9),
    responses=in_forms(CareGoalsRead, CSV),
)
async def get_care_goals(
    session: SessionDep, period: Annotated[Period, Depends(_period)], accept: Accept = JSON
) -> Any:
    report = CareGoalsRead.model_validate(await care_reports.care_goals(session, period))
    return as_table(CareGoalRead, report.items) if form_of(accept, CSV) else report
