from typing import Any

from app.schemas.base import Wire


class ModelSummary(Wire):
    name: str
    version: str
    churn_kind: str
    sha256: str
    trained_at: str
    active: bool


class ModelCard(ModelSummary):
    """Everything the manifest says of one version."""

    manifest: dict[str, Any]
