from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Query, Response

from app.domain.care_cases import Times
from app.domain.tables import as_csv
from app.routers.deps import AtDep, SessionDep, allow, takes
from app.routers.documented import reads
from app.routers.unit_of_work import UnitOfWorkRoute
from app.schemas.base import AwareTime, Code, Label, SafeStr
from app.schemas.care_reports import CareGoalRead, CareGoalsRead, PoolCellRead, PoolReportRead
from app.services import care_reports
from app.services.care_reports import Slice
from app.services.service_reports import Period

router = APIRouter(tags=["reports"], route_class=UnitOfWorkRoute)

USUAL_PERIOD: Final = timedelta(days=30)
_CSV: Final = "text/csv"

Accept = Annotated[SafeStr, Header(max_length=256)]


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


def _as_table(model: type[PoolReportRead | CareGoalsRead]) -> dict[int | str, dict[str, Any]]:
    found = {"model": model, "description": "The report", "content": {_CSV: {"schema": {"type": "string"}}}}
    return {200: found, **reads()}


@router.get(
    "/v1/reports/pool",
    operation_id="get_pool",
    summary="The pool by source, brand, region, channel, touchpoint and times, as JSON or CSV by Accept",
    description="Each case counts once. CSV holds all cells.",
    dependencies=[allow("reports:read")],
    openapi_extra=takes(9),
    responses=_as_table(PoolReportRead),
)
async def get_pool(
    session: SessionDep,
    asked: Annotated[Slice, Depends(_slice)],
    limit: Annotated[int, Query(ge=1, le=1000, description="Cells at most, the most populous first")] = 200,
    accept: Accept = "application/json",
) -> Any:
    is_table = _CSV in accept
    report = PoolReportRead.model_validate(await care_reports.pool(session, asked, None if is_table else limit))
    return _table(PoolCellRead, report) if is_table else report


@router.get(
    "/v1/reports/care-goals",
    operation_id="get_care_goals",
    summary="How near the four goals of care are, beside the period before, as JSON or CSV by Accept",
    dependencies=[allow("reports:read")],
    openapi_extra=takes(9),
    responses=_as_table(CareGoalsRead),
)
async def get_care_goals(
    session: SessionDep, period: Annotated[Period, Depends(_period)], accept: Accept = "application/json"
) -> Any:
    report = CareGoalsRead.model_validate(await care_reports.care_goals(session, period))
    return _table(CareGoalRead, report) if _CSV in accept else report


def _table(row: type[PoolCellRead | CareGoalRead], report: PoolReportRead | CareGoalsRead) -> Response:
    rows = report.model_dump(mode="json")["items"]
    return Response(as_csv(tuple(row.model_fields), rows), media_type=_CSV)
