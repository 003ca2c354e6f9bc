"""Everything a decision depends on, gathered before it is taken: the engine asks nobody anything."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from app.domain.channels import Preference, answers_by_channel, find_preference
from app.domain.consents import EVERYTHING
from app.domain.decisions.policy import NO_RULES, Cap, Policy
from app.domain.features import FeatureValue
from app.domain.interactions import Channel, Direction
from app.domain.outcomes import OutcomeKind
from app.domain.subscribers import Locality, SubscriberStatus


class ActionKind(StrEnum):
    OFFER = "offer"
    CALL = "call"
    REPAIR = "repair"
    APOLOGY = "apology"
    VISIT = "visit"
    INFORMATION = "information"
    NOTHING = "nothing"


Facts = Mapping[str, Mapping[str, FeatureValue]]


class FactUnknown(Exception):
    """A condition names a fact that is not known of this subscriber; the message is its name."""


@dataclass(frozen=True, slots=True)
class Effect:
    """The share of would-be churners an action is believed to keep: mean and standard deviation."""

    mean: float
    sd: float


@dataclass(frozen=True, slots=True)
class Gain:
    """What a model of effects says of one subscriber: the probability to leave, without an action and under it.

    `reach` is half the 95 % interval of their difference.
    """

    without: float
    under: float
    reach: float
    horizon_days: int
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Learned:
    """What was measured of an action: the `share` of would-be churners it keeps on average, and this one's own `gain`.

    Without a gain nobody has shown that ranking by it is any better; `notes` say so.
    """

    share: Effect
    gain: Gain | None
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Action:
    """A catalogued action. `is_eligible` raises FactUnknown; `eligibility` is the same rule as text."""

    code: str
    name: str
    kind: ActionKind
    channels: frozenset[Channel]
    eligibility: str
    is_eligible: Callable[[Facts], bool]
    contact_cost: Decimal
    accept_cost: Decimal
    monthly_arpu_effect: Decimal
    horizon_days: int
    effect: Effect
    p_accept: float
    caps: tuple[Cap, ...]
    valid_from: datetime | None
    valid_to: datetime | None
    say: str
    priced: bool = False
    capacity_per_day: int | None = None

    def has_begun(self, at: datetime) -> bool:
        return self.valid_from is None or at >= self.valid_from

    def has_ended(self, at: datetime) -> bool:
        return self.valid_to is not None and at >= self.valid_to

    @property
    def is_sale(self) -> bool:
        return self.kind is ActionKind.OFFER

    @property
    def is_paid(self) -> bool:
        """Whether it costs us money or revenue when it is taken up, as a retention offer does."""
        return self.priced or (self.is_sale and (self.accept_cost > 0 or self.monthly_arpu_effect < 0))

    @property
    def monthly_giveaway(self) -> Decimal:
        """Revenue a month that an acceptance gives away."""
        return max(-self.monthly_arpu_effect, Decimal(0))


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact we made; or, as `pending`, the right to make one that another caller was just given."""

    channel: Channel
    at: datetime


@dataclass(frozen=True, slots=True)
class PastOutcome:
    """What became of an action decided earlier, for a contact over `channel`."""

    action: str
    outcome: OutcomeKind
    at: datetime
    channel: Channel | None = None


@dataclass(frozen=True, slots=True)
class HeldClaim:
    """Somebody's right to be the only one who contacts this person."""

    owner: str
    purpose: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Membership:
    """A running campaign this person takes part in: the one of its actions they are given, None for the holdout."""

    campaign: str
    action: str | None
    actions: frozenset[str]


@dataclass(frozen=True, slots=True)
class Churn:
    """The subscriber's score: probability within `horizon_days`, with the sentences that explain it."""

    probability: float
    horizon_days: int
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Base:
    """All paying subscribers at the last measurement: how many, and their revenue a month together."""

    subscribers: int
    monthly_revenue: Decimal


@dataclass(frozen=True, slots=True)
class Ledger:
    """What decisions have used up so far: uses of an action today, money today, revenue given away this month."""

    used: Mapping[str, int]
    spent_today: Decimal
    given_away: Decimal
    base: Base | None


EMPTY_LEDGER = Ledger({}, Decimal(0), Decimal(0), None)


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known at the moment of deciding. It is recorded as it is, so that the decision can be taken again.

    `owner` is who asks and `keeper` whose subscriber it is. `spent` is what this person's acceptances of the last year
    cost, at their full price. `draw` is a number in [0, 1) that the person always draws.
    """

    at: datetime
    channel: Channel
    direction: Direction
    limit: int
    status: SubscriberStatus
    opted_out: frozenset[str]
    facts: Facts
    churn: Churn | None
    monthly_margin: Decimal | None
    open_complaints: int
    contacts: tuple[Contact, ...]
    open_faults: int = 0
    pending: tuple[Contact, ...] = ()
    outcomes: tuple[PastOutcome, ...] = ()
    claims: tuple[HeldClaim, ...] = ()
    owner: str | None = None
    keeper: str | None = None
    upset_at: datetime | None = None
    reachable: bool = True
    timezone: str | None = None
    value_tier: str | None = None
    locality: Locality | None = None
    tenure_months: float | None = None
    bill_is_flat: bool = False
    group_at_risk_since: datetime | None = None
    spent: Decimal = Decimal(0)
    draw: float = 0.0
    ledger: Ledger = EMPTY_LEDGER
    learned: Mapping[str, Learned] = field(default_factory=dict)
    campaigns: tuple[Membership, ...] = ()

    @property
    def is_ours(self) -> bool:
        """Whether the contact would be ours: an answer to somebody who came to us is none."""
        return self.direction is Direction.OUTBOUND


@dataclass(frozen=True, slots=True)
class DecisionContext(Situation):
    """A situation, and the rules in force."""

    catalogue: tuple[Action, ...] = ()
    policy: Policy = NO_RULES

    def channel_preference(self) -> Preference | None:
        """The channel this person answers best on, of those they do not refuse."""
        open_to_us = [channel for channel in Channel if not self.opted_out & {EVERYTHING, channel}]
        return find_preference(open_to_us, answers_by_channel((past.channel, past.outcome) for past in self.outcomes))

    def times_of(self, action: Action, outcome: OutcomeKind) -> list[datetime]:
        """When an action had this outcome, oldest first."""
        return sorted(past.at for past in self.outcomes if past.action == action.code and past.outcome is outcome)
