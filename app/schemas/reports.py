from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from app.domain.complaints import ComplaintType
from app.domain.evaluations import CampaignVerdict
from app.domain.expectations import Dimension
from app.domain.interactions import RefusalReason
from app.domain.surveys import Family, Role
from app.schemas.base import Wire

Share = Annotated[float, Field(ge=0, le=1)]


class MeanRead(Wire):
    """A mean of scores, each as a share of its own scale (score / scale_max)."""

    name: str
    responses: int
    mean: float


class RoleMeanRead(Wire):
    role: Role
    responses: int
    mean: float
    target: float | None
    gap_to_target: float | None
    met: bool | None


class SatisfactionRead(Wire):
    """One family alone. `weighted` is the mean over the dimensions by the weights that were stated."""

    family: Family
    responses: int
    mean: float | None
    weights: dict[Dimension, float] | None
    weighted: float | None
    dimensions: list[MeanRead]
    items: list[MeanRead]
    touchpoints: list[MeanRead]
    roles: list[RoleMeanRead]


class AgentSatisfactionRead(Wire):
    agent_id: str
    family: Family
    responses: int
    mean: float | None
    low_share: float | None
    responses_this_month: int
    mean_this_month: float | None


class QuestionRead(Wire):
    item: str
    dimension: Dimension | None
    touchpoint: str
    external_mean: float
    responses: int
    question: str


class QuestionnaireRead(Wire):
    """What to ask those we serve ourselves: the items on which outsiders rate us worst."""

    items: list[QuestionRead]


class CallbackCountRead(Wire):
    about: str
    due: int
    made_in_time: int
    made_late: int
    overdue: int
    pending: int


class FrequentComplaintRead(Wire):
    type: ComplaintType
    complaints: int
    share: Share
    cumulative_share: Share


class CallbackReportRead(Wire):
    """Callbacks that fell due in a period, and what subscribers complained of most in it."""

    since: datetime
    until: datetime
    due: int
    made_in_time: int
    made_late: int
    overdue: int
    pending: int
    mean_score: float | None
    by_subject: list[CallbackCountRead]
    frequent_complaints: list[FrequentComplaintRead]


class SlaRead(Wire):
    """Complaints opened in the period: how many promises were kept by whoever resolved them, or holds them."""

    owner: str
    team: str | None
    complaints: int
    kept: int
    broken: int
    running: int
    kept_share: float | None


class SlaReportRead(Wire):
    since: datetime
    until: datetime
    complaints: int
    kept_share: float | None
    ping_pong: int
    items: list[SlaRead]


class CampaignArmRead(Wire):
    """One arm of a campaign that ended, as its result was kept: a row for a spreadsheet or a BI tool."""

    campaign_id: UUID
    name: str
    owner: str
    starts_on: date
    ends_on: date
    verdict: CampaignVerdict
    arm: str
    members: int
    left: int
    rate: float
    prevented: float | None
    prevented_low: float | None
    prevented_high: float | None
    roi: float | None


class CampaignReportRead(Wire):
    """What the campaigns of the past brought, an item an arm."""

    items: list[CampaignArmRead]


class LeaveReasonRead(Wire):
    reason: str
    churned: int
    share: Share


class LeaveReasonReportRead(Wire):
    """What was the matter before they left: the type of the last complaint of a quarter, else its last contact's need.

    `benchmark` is the share that leaves over service by the field's rule of thumb.
    """

    since: datetime
    until: datetime
    churned: int
    service_share: Share | None
    benchmark: Share
    items: list[LeaveReasonRead]


class RefusalRead(Wire):
    region: str | None
    orders: int
    completed: int
    refused: int
    completion_rate: float | None
    reasons: dict[RefusalReason, int]


class RefusalReportRead(Wire):
    """Orders of the period by region: where the network, the stock or the papers stood in the way."""

    since: datetime
    until: datetime
    items: list[RefusalRead]
