from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel

from app.domain.surveys import Family
from app.domain.tables import as_markdown
from app.routers.deps import AtDep, ResourcesDep, SessionDep, allow, takes
from app.routers.documented import reads
from app.routers.forms import CSV, JSON, MARKDOWN, Accept, as_table, form_of, in_forms
from app.routers.unit_of_work import UnitOfWorkRoute
from app.schemas.base import AwareTime, PlainName, SafeStr
from app.schemas.reports import (
    AgentSatisfactionRead,
    CallbackCountRead,
    CallbackReportRead,
    CampaignArmRead,
    CampaignReportRead,
    FrequentComplaintRead,
    LeaveReasonReportRead,
    QuestionnaireRead,
    RefusalReportRead,
    SatisfactionRead,
    SlaReportRead,
)
from app.services import campaigns, satisfaction_reports, service_reports
from app.services.service_reports import USUAL_PERIOD, Period

router = APIRouter(tags=["reports"], route_class=UnitOfWorkRoute)

# Callbacks of the last days are not due yet, and belong into the report of now.
AHEAD: Final = timedelta(days=3)


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
    responses=in_forms(CallbackReportRead, CSV, MARKDOWN),
)
async def get_callback_report(
    session: SessionDep,
    period: PeriodDep,
    accept: Accept = JSON,
) -> Any:
    report = CallbackReportRead.model_validate(await service_reports.callbacks(session, period))
    form = form_of(accept, CSV, MARKDOWN)
    if form == CSV:
        return as_table(CallbackCountRead, report.by_subject)
    return Response(_letter(report), media_type=form) if form else report


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
    responses=in_forms(CampaignReportRead, CSV),
)
async def get_campaign_report(session: SessionDep, accept: Accept = JSON) -> Any:
    report = CampaignReportRead.model_validate({"items": await campaigns.results(session)})
    return as_table(CampaignArmRead, report.items) if form_of(accept, CSV) else report


def _letter(report: CallbackReportRead) -> str:
    score = "no answers yet" if report.mean_score is None else f"{report.mean_score:.0%} of the scale on average"
    return (
        f"# Callback report\n\n{_day(report.since)} to {_day(report.until)}: {report.due} callbacks fell due;"
        f" {report.made_in_time} were made in time, {report.made_late} late, {report.overdue} are overdue,"
        f" {report.pending} still have time. Satisfaction: {score}.\n\n"
        f"## By subject\n\n{_listed(CallbackCountRead, report.by_subject)}\n"
        f"## What was complained of most\n\n{_listed(FrequentComplaintRead, report.frequent_complaints)}"
    )


def _listed(row: type[BaseModel], rows: Iterable[BaseModel]) -> str:
    return as_markdown(tuple(row.model_fields), (one.model_dump(mode="json") for one in rows))


def _day(time: datetime) -> str:
    return f"{time:%Y-%m-%d}"
