from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from app.domain.decisions.engine import Arm
from app.domain.decisions.trace import Step, Verdict
from app.domain.explanations import Language
from app.domain.interactions import Channel, Direction
from app.domain.scores import Band
from app.schemas.base import Features, FreeText, Label, Money, SubscriberId, Wire
from app.schemas.scores import DriverRead, ModelRead

TraceDetail = Literal["full", "summary", "none"]


class DecisionCreate(Wire):
    subscriber_id: SubscriberId
    channel: Channel
    direction: Direction
    limit: Annotated[int, Field(strict=True, ge=1, le=10)] = 3
    owner: Label | None = None
    context: Features | None = None
    language: Annotated[Language | None, Field(description="Of what to say; the operator's own if none is given")] = (
        None
    )


class DecidedActionRead(Wire):
    """One recommended action. Uplift: fall of the churn probability within `horizon_days`."""

    code: str
    rank: int
    name: str
    say: str
    uplift: float
    uplift_interval: tuple[float, float]
    uplift_source: Literal["prior", "learned"]
    horizon_days: int
    retained_margin: Money
    p_accept: float
    contact_cost: Money
    accept_cost: Money
    dilution: Money
    expected_value: Money
    value_interval: list[Money] = Field(
        default_factory=list
    )  # decisions recorded before it was told are read as they were
    because: list[str]


class TraceEntryRead(Wire):
    action: str
    step: Step
    verdict: Verdict
    code: str
    reason: str
    free_again_at: datetime | None


class LastContactRead(Wire):
    action: str
    at: datetime
    outcome: str | None


class DecisionScoreRead(Wire):
    """Null in an answer where nothing is stored of the subscriber that could be scored."""

    probability: float
    band: Band
    horizon_days: int
    drivers: list[DriverRead]
    model: ModelRead
    as_of: date | None = None  # decisions recorded before these two were told are read as they were
    stale: bool = False


class ChannelPreferenceRead(Wire):
    """The channel this person answers best on, and what they said on each."""

    channel: Channel
    because: str


class DecisionAnswer(Wire):
    """What a decision says, recorded or not."""

    subscriber_id: str
    channel: Channel
    direction: Direction
    decided_at: datetime
    actions: list[DecidedActionRead]
    none_because: str | None
    trace: list[TraceEntryRead]
    last_contact: LastContactRead | None
    score: DecisionScoreRead | None
    policy_version: str
    currency: str
    channel_preference: Annotated[
        ChannelPreferenceRead | None,
        Field(description="Not there as long as their answers do not tell one", exclude_if=lambda told: told is None),
    ] = None


class DecisionRead(DecisionAnswer):
    decision_id: UUID
    arm: Arm


class ReplayRead(Wire):
    """A recorded decision and the same one taken again, of the same inputs, by the same rules and the same model."""

    identical: bool
    differences: Annotated[list[str], Field(description="JSON pointers")]
    recorded: dict[str, Any]
    recomputed: dict[str, Any]


class ContestCreate(Wire):
    """The person the decision concerns does not accept it."""

    reason: FreeText | None = None
    owner: Label | None = None


class AlternativeRead(Wire):
    """What everybody is offered on this channel, whatever is known of them."""

    code: str
    name: str
    say: str


class ContestRead(Wire):
    """A human looks at the decision by `due_at`; until then the alternative stands."""

    id: UUID
    decision_id: UUID
    subscriber_id: str
    task_id: UUID | None
    owner: str
    due_at: datetime
    contested_at: datetime
    reason: str | None
    alternative: list[AlternativeRead]


class ExplanationRead(Wire):
    """A decision in plain words for the person it concerns; `alternative` is what everybody is offered instead."""

    decision_id: UUID
    subscriber_id: str
    decided_at: datetime
    language: Language
    how: str
    risk: str | None
    reasons: list[str]
    proposed: list[str]
    not_proposed: list[str]
    alternative: list[AlternativeRead]
    rights: list[str]


class PreviewRead(DecisionAnswer):
    """The same computation, not recorded and without an arm."""

    preview: Literal[True]
