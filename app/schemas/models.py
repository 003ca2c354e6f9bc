from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from app.schemas.base import Wire


class ModelSummary(Wire):
    name: str
    version: str
    churn_kind: str
    role: Annotated[str, Field(description="What it can be active as: its churn kind, or uplift")]
    sha256: str
    trained_at: str
    active: bool


class ModelCard(ModelSummary):
    """Everything the manifest says of one version."""

    manifest: dict[str, Any]


class VersionRead(Wire):
    """One version of one model."""

    name: str
    version: str


class ActivatedModel(ModelSummary):
    """What is active now: since when, and what was before."""

    activated_at: datetime
    previous: VersionRead | None


class ActivationRead(VersionRead):
    """One switch that was made: `activated_by` is a caller's id, or `command line`."""

    churn_kind: str
    manifest_sha256: str
    activated_at: datetime
    activated_by: str
    previous: VersionRead | None
