from datetime import datetime
from decimal import Decimal
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from app.domain.decisions.context import ActionKind
from app.domain.interactions import Channel
from app.schemas.base import AwareTime, Flag, Money, SafeStr, Wire
from app.schemas.policies import Caps

LONGEST_SENTENCE = 160
Cost = Annotated[Money, Field(ge=Decimal(0), max_digits=14, decimal_places=2, examples=["6.00"])]
Change = Annotated[Money, Field(max_digits=14, decimal_places=2, examples=["-3.00"])]
Language = Annotated[SafeStr, Field(pattern=r"^[a-z]{2}(-[A-Z]{2})?$")]
Sentence = Annotated[SafeStr, Field(min_length=1, max_length=LONGEST_SENTENCE)]


class EffectPrior(Wire):
    """Share of would-be churners kept: what is believed before outcomes teach better. Below 0 it drives them away."""

    mean: Annotated[float, Field(strict=True, ge=-1, le=1)]
    sd: Annotated[float, Field(strict=True, ge=0, le=1)]


def _has_english(say: dict[str, str]) -> dict[str, str]:
    if "en" not in say:
        raise ValueError("must have a sentence in en, which is said where another language is missing")
    return say


class ActionWrite(Wire):
    """One action of the catalogue: what it is, for whom, at what cost, with what effect, in which words."""

    name: Annotated[SafeStr, Field(min_length=1, max_length=128)]
    kind: ActionKind
    channels: Annotated[list[Channel], Field(min_length=1, max_length=16)]
    eligibility: Annotated[
        SafeStr,
        Field(min_length=1, max_length=2000, description="CEL over the facts listed in docs/deciding.md"),
    ]
    contact_cost: Cost
    accept_cost: Cost
    monthly_arpu_effect: Change = Decimal(0)
    horizon_days: Annotated[int, Field(strict=True, ge=1, le=3650)]
    effect_prior: EffectPrior
    p_accept: Annotated[float, Field(strict=True, ge=0, le=1, description="Share of those asked who take it up")] = 0.3
    caps: Caps = Field(default_factory=list)
    capacity_per_day: Annotated[int, Field(strict=True, ge=0, le=1_000_000)] | None = None
    valid_from: AwareTime | None = None
    valid_to: AwareTime | None = None
    say: Annotated[dict[Language, Sentence], Field(min_length=1, max_length=16), AfterValidator(_has_english)]
    priced: Flag = False

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if self.valid_from and self.valid_to and self.valid_from >= self.valid_to:
            raise ValueError("valid_from must lie before valid_to")
        changes = (self.contact_cost, self.accept_cost, self.monthly_arpu_effect, self.effect_prior.mean)
        if self.kind is ActionKind.NOTHING and any(changes):
            raise ValueError("an action of the kind nothing costs nothing and changes nothing")
        return self


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
    effect_prior: EffectPrior
    p_accept: float
    caps: list[CapRead]
    capacity_per_day: int | None
    valid_from: datetime | None
    valid_to: datetime | None
    say: dict[str, str]
    priced: bool
