"""The model registry, read."""

from pathlib import Path

from app.errors import NotFound
from app.ml import registry
from app.ml.manifest import MODEL, Manifest
from app.schemas.models import ModelCard, ModelSummary
from app.services.scores import Bundles


class ModelNotFound(NotFound):
    """There is no such model."""


def list_models(root: Path, bundles: Bundles) -> list[ModelSummary]:
    """List every registered version, by name and version."""
    return [
        ModelSummary(**_summary(manifest, bundles))
        for manifest in sorted(registry.list_manifests(root), key=lambda manifest: (manifest.name, manifest.version))
    ]


def get_model(root: Path, bundles: Bundles, name: str, version: str) -> ModelCard:
    manifest = registry.find_manifest(root, name, version)
    if manifest is None:
        raise ModelNotFound("there is no model of this name and version")
    return ModelCard(**_summary(manifest, bundles), manifest=manifest.model_dump(mode="json"))


def _summary(manifest: Manifest, bundles: Bundles) -> dict[str, object]:
    active = bundles.get(manifest.churn_kind)
    return {
        "name": manifest.name,
        "version": manifest.version,
        "churn_kind": manifest.churn_kind,
        "sha256": manifest.files[MODEL],
        "trained_at": manifest.trained_at.isoformat(),
        "active": active is not None and active.manifest.version == manifest.version,
    }
