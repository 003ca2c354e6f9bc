"""Everything a decision depends on, gathered before it is taken: the engine asks nobody anything."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from app.domain.features import FeatureValue
from app.domain.interactions import Channel, Direction
from app.domain.subscribers import SubscriberStatus


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
class Cap:
    window_days: int
    max: int

    @property
    def window(self) -> timedelta:
        return timedelta(days=self.window_days)


@dataclass(frozen=True, slots=True)
class Effect:
    """The share of would-be churners an action is believed to keep: mean and standard deviation."""

    mean: float
    sd: float


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


@dataclass(frozen=True, slots=True)
class Contact:
    """A recorded outbound contact."""

    channel: Channel
    at: datetime


@dataclass(frozen=True, slots=True)
class Acceptance:
    """An offer taken up: it uses a cap as a contact does."""

    action: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Churn:
    """The subscriber's score: probability within `horizon_days`, with the sentences that explain it."""

    probability: float
    horizon_days: int
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DecisionContext:
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
    acceptances: tuple[Acceptance, ...]
    catalogue: tuple[Action, ...]
