from datetime import date, datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from app.domain.campaigns import CampaignState
from app.domain.evaluations import CampaignVerdict
from app.schemas.base import Code, FeatureName, FreeText, IsoDate, Label, Money, Wire

Values = Annotated[list[Label], Field(min_length=1, max_length=50)]
Bound = Annotated[float, Field(strict=True, ge=-1e12, le=1e12)]
Codes = Annotated[list[Code], Field(min_length=1, max_length=20)]
HoldoutShare = Annotated[float, Field(strict=True, ge=0, le=0.9)]
LeastEffect = Annotated[float, Field(strict=True, ge=0, le=1)]
Days = Annotated[int, Field(strict=True, ge=1, le=365)]


class FeatureCondition(Wire):
    """What the latest snapshot must say of a feature: a number's ends (included), or a text's levels."""

    feature: FeatureName
    minimum: Bound | None = None
    maximum: Bound | None = None
    levels: Values | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.minimum is None and self.maximum is None and self.levels is None:
            raise ValueError("needs minimum, maximum or levels")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError("minimum exceeds maximum")
        return self


class Segment(Wire):
    """Active subscribers who fit all that is named; without a name, everybody."""

    region: Values | None = None
    brand: Values | None = None
    value_tier: Values | None = None
    payment_type: Values | None = None
    features: Annotated[list[FeatureCondition], Field(max_length=20)] = Field(default_factory=list)


class CampaignCreate(Wire):
    """Each member is given one of the actions, all alike, or none: those are the holdout."""

    name: Annotated[Label, Field(max_length=64)]
    owner: Label
    goal: FreeText
    least_effect: Annotated[
        LeastEffect | None, Field(description="The least fall of the churn probability that is worthwhile")
    ] = None
    segment: Segment = Field(default_factory=Segment)
    actions: Codes
    holdout_share: HoldoutShare = 0.1
    starts_on: IsoDate
    ends_on: IsoDate
    horizon_days: Days = 90

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if self.starts_on > self.ends_on:
            raise ValueError("starts_on must not lie after ends_on")
        if len(set(self.actions)) != len(self.actions):
            raise ValueError("an action is named twice")
        return self


class CampaignUpdate(Wire):
    """The fields to change: a draft may change in all of them, a running campaign in its owner and its state."""

    name: Label | None = None
    owner: Label | None = None
    goal: FreeText | None = None
    least_effect: LeastEffect | None = None
    segment: Segment | None = None
    actions: Codes | None = None
    holdout_share: HoldoutShare | None = None
    starts_on: IsoDate | None = None
    ends_on: IsoDate | None = None
    horizon_days: Days | None = None
    state: CampaignState | None = None


class CampaignRead(Wire):
    id: UUID
    name: str
    owner: str
    goal: str
    least_effect: float | None
    segment: dict[str, Any]
    actions: list[str]
    holdout_share: float
    starts_on: date
    ends_on: date
    horizon_days: int
    state: CampaignState
    enrolled: int
    overlapping: Annotated[int, Field(description="Fit the segment, and were left out: in another running campaign")]
    started_at: datetime | None
    ended_at: datetime | None
    result: Annotated[dict[str, Any] | None, Field(description="Verdict, effect and ROI when it ended")]
    version: int
    created_at: datetime
    updated_at: datetime


class SimilarCampaignRead(Wire):
    campaign: CampaignRead
    likeness: Annotated[float, Field(description="0…1: segment, actions and words of the goal, a third each")]


class SimilarCampaignsRead(Wire):
    items: list[SimilarCampaignRead]


class CampaignMemberRead(Wire):
    subscriber_id: str
    arm: str
    enrolled_at: datetime


class IntervalRead(Wire):
    value: float
    low: float
    high: float


class ArmResultRead(Wire):
    """`prevented` is how many fewer left than in the holdout, as a share; anytime-valid, shared out among the arms."""

    arm: str
    members: int
    left: int
    rate: float
    prevented: IntervalRead | None


class SegmentResultRead(Wire):
    """Of one value of one attribute; each looked at by itself, so a hint and no proof."""

    attribute: str
    value: str
    treated: int
    holdout: int
    prevented: IntervalRead | None


class EffectOnDayRead(Wire):
    day: int
    value: float
    low: float
    high: float


class RoiRead(Wire):
    """Value out / cost in. Value is what the prevented leavers pay over the horizon; cost is what the campaign took."""

    value_out: Money
    value_low: Money
    value_high: Money
    cost_in: Money
    roi: float | None
    roi_low: float | None
    roi_high: float | None
    margin_per_member: Money | None


class ReadingRead(Wire):
    """One of the three months after the campaign: the mean answer as a share of its scale. A missing month is said."""

    month: int
    since: date
    until: date
    state: Literal["measured", "missing", "not_due"]
    answers: int
    treated: float | None
    holdout: float | None


class InquiryDayRead(Wire):
    day: date
    inquiries: int
    usual: float | None


class InquiriesRead(Wire):
    """Inbound contacts of the members since the start, against the same weekdays of the eight weeks before."""

    ratio: IntervalRead | None
    days: list[InquiryDayRead]


class ParticipationRead(Wire):
    treated: int
    offered: int
    answered: int
    accepted: int
    declined: int
    rate: float | None
    acceptance: float | None
    satisfied: float | None
    draws_but_does_not_sell: bool


class RecoveryRead(Wire):
    """Those whose complaint was settled to their content before the start, against those who never complained."""

    recovered: int
    recovered_left: int
    never_failed: int
    never_failed_left: int
    fewer_leave: Annotated[IntervalRead | None, Field(description="Above 0: the recovered are the more loyal")]


class SaveRateRead(Wire):
    reason: str
    retained: int
    churned: int
    save_rate: float


class EvaluationRead(Wire):
    """A campaign's measured effect. Intervals of `effect` and `arms` stay true however often one looks."""

    campaign_id: UUID
    as_of: datetime
    verdict: CampaignVerdict
    effect: IntervalRead | None
    worthwhile: float
    erased: int
    arms: list[ArmResultRead]
    over_time: list[EffectOnDayRead]
    segments: list[SegmentResultRead]
    roi: RoiRead
    satisfaction: list[ReadingRead]
    inquiries: InquiriesRead
    participation: ParticipationRead
    recovery: RecoveryRead
    save_rates: list[SaveRateRead]
    proactive_share: float | None
