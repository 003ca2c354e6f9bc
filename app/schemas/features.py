from typing import Literal

from app.schemas.base import Wire

FeatureKind = Literal["number", "category", "boolean", "date"]


class FeatureRead(Wire):
    """One row of the feature dictionary."""

    name: str
    type: FeatureKind
    unit: str | None
    minimum: float | None
    maximum: float | None
    levels: list[str]
    source: str


class ContractFeatureRead(Wire):
    """One input of the active bundle. A category level it was not trained on is accepted and flagged.

    One with a `formula` is computed and never sent.
    """

    name: str
    type: FeatureKind
    unit: str | None
    minimum: float | None
    maximum: float | None
    levels: list[str]
    nullable: bool
    formula: str | None


class BandRead(Wire):
    """A risk band starts at `from_probability`."""

    name: Literal["low", "medium", "high", "critical"]
    from_probability: float


class FeatureSchemaRead(Wire):
    """`features` are what the model reads; `accepted` may be sent besides, to be derived from or passed over."""

    churn_kind: str
    horizon_days: int
    model: dict[str, str]
    features: list[ContractFeatureRead]
    accepted: list[ContractFeatureRead]
    bands: list[BandRead]
