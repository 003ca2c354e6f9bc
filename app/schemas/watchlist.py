from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from app.domain.scores import Band
from app.schemas.base import Money, Wire
from app.schemas.scores import DriverRead, ModelRead


class NextActionRead(Wire):
    """What would be done next, as weighed when the list was made: a decision weighs anew."""

    code: str
    name: str
    expected_value: Money


class LikelyChurnerRead(Wire):
    """One entry: either `next_action` or `none_because` is there."""

    subscriber_id: str
    probability: Annotated[float, Field(ge=0, le=1)]
    band: Band
    drivers: list[DriverRead]
    next_action: NextActionRead | None
    none_because: str | None
    region: str | None
    brand: str | None
    value_tier: str | None
    as_of: date
    stale: bool


class WatchlistRunRead(Wire):
    """The run that the list was made of."""

    id: UUID
    model: ModelRead
    horizon_days: int
    currency: Annotated[str, Field(description="Of the expected values")]
    ended_at: datetime


class WatchlistRead(Wire):
    """Those whose probability is at least `threshold`, the most likely first; no run yet makes an empty list."""

    run: WatchlistRunRead | None
    threshold: float | None
    items: list[LikelyChurnerRead]
    next_cursor: str | None
