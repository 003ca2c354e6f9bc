from datetime import date

from app.domain.drift import Level
from app.schemas.base import Wire


class ShiftRead(Wire):
    """`noise` is the psi to expect if nothing had moved; both are null without rows."""

    psi: float | None
    level: Level
    noise: float | None


class FeatureShiftRead(ShiftRead):
    name: str
    missing_share: float | None
    reference_missing_share: float
    bins: int


class DriftRead(Wire):
    """Rows scored from `since` on (a day of UTC), compared with those the version was made on; most drift first."""

    name: str
    version: str
    rows: int
    days: int
    since: date
    score: ShiftRead
    features: list[FeatureShiftRead]
