from datetime import date
from typing import Annotated, Any, Final

from pydantic import Field, ValidationInfo, field_validator

from app.domain.scores import Band, Effect
from app.schemas.base import MOST_ITEMS, Features, JudgedAlone, SafeStr, Scalar, SubscriberId, Wire

MOST_DRIVERS: Final = 100
ChurnKind = Annotated[SafeStr, Field(pattern="^[a-z_]{1,32}$")]


class ScoreRequest(Wire):
    """Score a stored subscriber, given features, or both (the features win)."""

    subscriber_id: SubscriberId | None = None
    features: Annotated[Features | None, Field(validate_default=True)] = None
    churn_kind: ChurnKind = "port_out"
    drivers: Annotated[int, Field(strict=True, ge=0, le=MOST_DRIVERS)] = 5

    @field_validator("features")
    @classmethod
    def _names_someone(cls, value: dict[str, Any] | None, info: ValidationInfo) -> dict[str, Any] | None:
        if value is None and info.data.get("subscriber_id") is None:
            raise ValueError("is required where subscriber_id is not given")
        return value


class ScoreBatch(Wire):
    """Many questions at once; each is judged alone."""

    items: Annotated[list[Annotated[ScoreRequest, JudgedAlone]], Field(min_length=1, max_length=MOST_ITEMS)]


class DriverRead(Wire):
    """One signed reason: `contribution` is in log-odds."""

    feature: str
    value: Scalar
    contribution: float
    effect: Effect


class ModelRead(Wire):
    name: str
    version: str
    sha256: str
    label_note: str


class ScoreRead(Wire):
    """baseline_logit + Σ contribution + other_contribution = logit; probability = sigmoid(logit)."""

    subscriber_id: str | None
    churn_kind: str
    horizon_days: int
    probability: Annotated[float, Field(ge=0, le=1)]
    band: Band
    logit: float
    baseline_logit: float
    drivers: list[DriverRead]
    other_contribution: float
    model: ModelRead
    as_of: date | None
    stale: bool
    exclusions: list[str]


class ScoreItemRead(Wire):
    """What became of one item: 200 and its score, else a problem."""

    status: int
    score: ScoreRead | None = None
    problem: dict[str, Any] | None = None


class ScoreBatchRead(Wire):
    items: list[ScoreItemRead]
