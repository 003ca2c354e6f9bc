from datetime import datetime
from decimal import Decimal
from typing import Annotated, Self

from pydantic import AfterValidator, Field, Strict, model_validator

from app.domain.interactions import Channel
from app.schemas.base import Code, Label, Money, Wire

LONGEST_WINDOW_DAYS = 365
Share = Annotated[Money, Field(ge=0, le=1, max_digits=5, decimal_places=4)]
Clock = Annotated[str, Strict(), Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", examples=["21:00"])]
Days = Annotated[int, Field(strict=True, ge=1, le=3650)]
Months = Annotated[int, Field(strict=True, ge=0, le=600)]


class CapWrite(Wire):
    """At most `max` contacts within the last `window_days` days."""

    window_days: Annotated[int, Field(strict=True, ge=1, le=LONGEST_WINDOW_DAYS)]
    max: Annotated[int, Field(strict=True, ge=1, le=1000)]


def _agree(caps: list[CapWrite]) -> list[CapWrite]:
    """A shorter window may not allow more than a longer one does: that cap could never be reached."""
    for shorter in caps:
        for longer in caps:
            if shorter is not longer and shorter.window_days == longer.window_days:
                raise ValueError(f"two caps for {shorter.window_days} days contradict each other")
            if shorter.window_days < longer.window_days and shorter.max > longer.max:
                told = f"{shorter.max} in {shorter.window_days} days and {longer.max} in {longer.window_days} days"
                raise ValueError(f"{told} contradict each other")
    return sorted(caps, key=lambda cap: cap.window_days)


Caps = Annotated[list[CapWrite], Field(max_length=8), AfterValidator(_agree)]


class QuietHoursWrite(Wire):
    """By the subscriber's own clock; an end before the beginning is the next morning's."""

    begin: Clock
    end: Clock

    @model_validator(mode="after")
    def _is_a_time(self) -> Self:
        if self.begin == self.end:
            raise ValueError("begin and end must differ: quiet all day is an opt-out")
        return self


class PolicyRules(Wire):
    """The rules every action is put to, beside its own. Null switches a rule off."""

    quiet_hours: QuietHoursWrite | None = None
    channel_caps: Annotated[dict[Channel, Caps], Field(max_length=len(Channel))] = Field(default_factory=dict)
    cool_down_days: Annotated[
        list[Days | None],
        Field(max_length=10, description="After the first, second, … refusal; the last repeats; null: for ever"),
    ] = Field(default_factory=list)
    later_half_life_days: Days = 7
    accepted_rest_days: Annotated[
        int, Field(strict=True, ge=0, le=365, description="An accepted action that is no sale is under way so long")
    ] = 0
    mood_days: Days = 7
    least_tenure_months: Months = 0
    long_standing_months: Annotated[int, Field(strict=True, ge=1, le=600)] = 12
    big_spender_tiers: Annotated[list[Label], Field(max_length=32)] = Field(default_factory=list)
    floating_keeps: Annotated[float, Field(strict=True, ge=0, le=1)] = 1.0
    holdout_share: Annotated[float, Field(strict=True, ge=0, lt=1)] = 0.0
    holdout_name: Code = "default"
    spend_cap_share: Share | None = None
    arpu_floor_share: Share | None = None
    daily_budget: Annotated[Money, Field(ge=Decimal(0), max_digits=14, decimal_places=2)] | None = None


class PolicyRead(PolicyRules):
    """What is in force. `version` names the rules and the catalogue together."""

    version: str
    published_at: datetime
