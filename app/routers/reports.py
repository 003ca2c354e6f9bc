from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Path, Query, Response

from app.domain.surveys import Family
from app.domain.tables import as_csv, as_markdown
from app.routers.deps import AtDep, ResourcesDep, SessionDep, allow, takes
from app.routers.documented import reads
from app.routers.unit_of_work import UnitOfWorkRoute
from app.schemas.base import AwareTime, PlainName, SafeStr
from app.schemas.reports import (
    AgentSatisfactionRead,
    CallbackReportRead,
    CampaignArmRead,
    CampaignReportRead,
    LeaveReasonReportRead,
    QuestionnaireRead,
    RefusalReportRead,
    SatisfactionRead,
    SlaReportRead,
)
from app.services import campaigns, satisfaction_reports, service_reports
from app.services.service_reports import Period

router = APIRouter(tags=["reports"], route_class=UnitOfWorkRoute)

USUAL_PERIOD: Final = timedelta(days=30)
# Callbacks of the last days are not due yet, and belong into the report of now.
AHEAD: Final = timedelta(days=3)
_COLUMNS: Final = ("about", "due", "made_in_time", "made_late", "overdue", "pending")
_COMPLAINTS: Final = ("type", "complaints", "share", "cumulative_share")


async def _period(
    at: AtDep,
    since: Annotated[AwareTime | None, Query(description="Thirty days ago unless given")] = None,
    until: Annotated[AwareTime | None, Query(description="Three days ahead unless given")] = None,
) -> Period:
    return Period(since or at - USUAL_PERIOD, until or at + AHEAD, at)


PeriodDep = Annotated[Period, Depends(_period)]


@router.get(
    "/v1/reports/satisfaction",
    operation_id="get_satisfaction",
    summary="Satisfaction in one survey family: by item, dimension, touchpoint and role against its target",
    dependencies=[allow("reports:read")],
    openapi_extra=takes(9),
    responses=reads(),
)
async def get_satisfaction(
    family: Annotated[Family, Query(description="The two families are never mixed")],
    session: SessionDep,
    weights: Annotated[SafeStr | None, Query(max_length=256, description="reliability:0.6,empathy:0.4")] = None,
) -> SatisfactionRead:
    return SatisfactionRead.model_validate(await satisfaction_reports.satisfaction(session, family, weights))


@router.get(
    "/v1/agents/{agent_id}/satisfaction",
    operation_id="get_agent_satisfaction",
    summary="How those feel whom one agent served",
    dependencies=[allow("surveys:read")],
    openapi_extra=takes(9),
    responses=reads(),
)
async def get_agent_satisfaction(
    agent_id: Annotated[PlainName, Path()],
    session: SessionDep,
    resources: ResourcesDep,
    at: AtDep,
    family: Annotated[Family, Query()] = Family.INTERNAL,
) -> AgentSatisfactionRead:
    month = resources.settings.month_of(at)
    return AgentSatisfactionRead.model_validate(await satisfaction_reports.of_agent(session, agent_id, family, month))


@router.get(
    "/v1/reports/questionnaire",
    operation_id="draft_questionnaire",
    summary="The internal questionnaire, drafted from the items outsiders rate worst",
    dependencies=[allow("reports:read")],
    openapi_extra=takes(9),
    responses=reads(),
)
async def draft_questionnaire(session: SessionDep, size: Annotated[int, Query(ge=1, le=50)] = 10) -> QuestionnaireRead:
    return QuestionnaireRead.model_validate({"items": await satisfaction_reports.questionnaire(session, size)})


@router.get(
    "/v1/reports/callbacks",
    operation_id="get_callback_report",
    summary="The callback report, as JSON, CSV or Markdown by Accept",
    dependencies=[allow("reports:read")],
    openapi_extra=takes(9),
    responses={
        200: {
            "model": CallbackReportRead,
            "description": "The report",
            "content": {"text/csv": {"schema": {"type": "string"}}, "text/markdown": {"schema": {"type": "string"}}},
        },
        **reads(),
    },
)
async def get_callback_report(
    session: SessionDep,
    period: PeriodDep,
    accept: Annotated[SafeStr, Header(max_length=256)] = "application/json",
) -> Any:
    report = CallbackReportRead.model_validate(await service_reports.callbacks(session, period))
    if "text/csv" in accept:
        return Response(as_csv(_COLUMNS, report.model_dump(mode="json")["by_subject"]), media_type="text/csv")
    if "text/markdown" in accept:
        return Response(_letter(report), media_type="text/markdown")
    return report


@router.get(
    "/v1/reports/complaint-sla",
    operation_id="get_complaint_sla",
    summary="Promises kept and broken, by owner and team",
    dependencies=[allow("reports:read")],
    openapi_extra=takes(9),
    responses=reads(),
)
async def get_complaint_sla(session: SessionDep, period: PeriodDep) -> SlaReportRead:
    return SlaReportRead.model_validate(await service_reports.complaint_sla(session, period))


@router.get(
    "/v1/reports/order-refusals",
    operation_id="get_order_refusals",
    summary="Orders completed and refused, by region, with the reasons",
    dependencies=[allow("reports:read")],
    openapi_extra=takes(9),
    responses=reads(),
)
async def get_order_refusals(session: SessionDep, period: PeriodDep) -> RefusalReportRead:
    return RefusalReportRead.model_validate(await service_reports.order_refusals(session, period))


@router.get(
    "/v1/reports/leave-reasons",
    operation_id="get_leave_reasons",
    summary="What was the matter with those who left, and the share that service drove away",
    dependencies=[allow("reports:read")],
    openapi_extra=takes(9),
    responses=reads(),
)
async def get_leave_reasons(session: SessionDep, period: PeriodDep) -> LeaveReasonReportRead:
    return LeaveReasonReportRead.model_validate(await service_reports.leave_reasons(session, period))


@router.get(
    "/v1/reports/campaigns",
    operation_id="get_campaign_report",
    summary="What the campaigns that ended brought, arm by arm, as JSON or CSV by Accept",
    dependencies=[allow("reports:read")],
    openapi_extra=takes(9),
    responses={
        200: {
            "model": CampaignReportRead,
            "description": "The report",
            "content": {"text/csv": {"schema": {"type": "string"}}},
        },
        **reads(),
    },
)
async def get_campaign_report(
    session: SessionDep, accept: Annotated[SafeStr, Header(max_length=256)] = "application/json"
) -> Any:
    report = CampaignReportRead.model_validate({"items": await campaigns.results(session)})
    if "text/csv" in accept:
        rows = report.model_dump(mode="json")["items"]
        return Response(as_csv(tuple(CampaignArmRead.model_fields), rows), media_type="text/csv")
    return report


def _letter(report: CallbackReportRead) -> str:
    told = report.model_dump(mode="json")
    score = "no answers yet" if report.mean_score is None else f"{report.mean_score:.0%} of the scale on average"
    return (
        f"# Callback report\n\n{_day(report.since)} to {_day(report.until)}: {report.due} callbacks fell due;"
        f" {report.made_in_time} were made in time, {report.made_late} late, {report.overdue} are overdue,"
        f" {report.pending} still have time. Satisfaction: {score}.\n\n"
        f"## By subject\n\n{as_markdown(_COLUMNS, told['by_subject'])}\n"
        f"## What was complained of most\n\n{as_markdown(_COMPLAINTS, told['frequent_complaints'])}"
    )


def _day(time: datetime) -> str:
    return f"{time:%Y-%m-%d}"
