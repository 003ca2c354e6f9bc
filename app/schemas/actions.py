from datetime import datetime

from app.domain.decisions.context import ActionKind
from app.domain.interactions import Channel
from app.schemas.base import Money, Wire


class EffectRead(Wire):
    """Share of would-be churners kept: what is believed before outcomes teach better."""

    mean: float
    sd: float


class CapRead(Wire):
    window_days: int
    max: int


class ActionRead(Wire):
    code: str
    name: str
    kind: ActionKind
    channels: list[Channel]
    eligibility: str
    contact_cost: Money
    accept_cost: Money
    monthly_arpu_effect: Money
    horizon_days: int
    effect_prior: EffectRead
    p_accept: float
    caps: list[CapRead]
    valid_from: datetime | None
    valid_to: datetime | None
    say: dict[str, str]
    priced: bool
