"""The model registry: listed, described, switched."""

import asyncio
from datetime import datetime
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.access import Caller
from app.errors import Conflict, NotFound, Unavailable
from app.ml import registry
from app.ml.active import ActiveBundles
from app.ml.bundle import BundleRefused
from app.ml.manifest import MODEL, Manifest
from app.ml.registry import TICK, Activation
from app.schemas.models import ActivatedModel, ModelCard, ModelSummary, VersionRead
from app.services import activations
from app.services.scores import Bundles


class ModelNotFound(NotFound):
    """There is no such model."""


class ActivationRefused(Conflict):
    """The model cannot be activated."""


class RegistryUnavailable(Unavailable):
    """The registry of models cannot be changed right now."""


def list_models(root: Path, bundles: Bundles) -> list[ModelSummary]:
    """List every registered version, by name and version."""
    active = dict(bundles)
    return [
        ModelSummary(**_summary(manifest, active))
        for manifest in sorted(registry.list_manifests(root), key=lambda manifest: (manifest.name, manifest.version))
    ]


def get_model(root: Path, bundles: Bundles, name: str, version: str) -> ModelCard:
    manifest = _get_manifest(root, name, version)
    return ModelCard(**_summary(manifest, bundles), manifest=manifest.model_dump(mode="json"))


async def activate_model(
    session: AsyncSession, bundles: ActiveBundles, caller: Caller, name: str, version: str, at: datetime
) -> ActivatedModel:
    """Try a model and make it the active one of its kind. Raises ModelNotFound, or ActivationRefused with the reason.

    The pointer is changed before the store's transaction ends: if that fails, a service records what the pointer says.
    """
    # A trial takes seconds, in which the transaction has nothing to say.
    await session.execute(text("SET LOCAL idle_in_transaction_session_timeout = '60s'"))
    latest = await activations.find_latest_time(session)
    wished_at = max(at, latest + TICK) if latest else at
    activation = await asyncio.to_thread(_activate, bundles, caller, name, version, wished_at)
    await activations.record(session, activation.manifest.role, activation.receipt)
    previous = activation.receipt.previous
    return ActivatedModel(
        **_summary(activation.manifest, bundles),
        activated_at=activation.receipt.activated_at,
        previous=VersionRead(name=previous.name, version=previous.version) if previous else None,
    )


def _activate(bundles: ActiveBundles, caller: Caller, name: str, version: str, at: datetime) -> Activation:
    try:
        _get_manifest(bundles.root, name, version)
        activation = registry.activate(bundles.root, name, version, by=str(caller.id), at=at)
    except BundleRefused as refused:
        raise ActivationRefused(refused.detail) from refused
    except OSError as error:
        raise RegistryUnavailable("the registry cannot be written: where it can be, use the command line") from error
    bundles.follow()
    return activation


def _get_manifest(root: Path, name: str, version: str) -> Manifest:
    manifest = registry.find_manifest(root, name, version)
    if manifest is None:
        raise ModelNotFound("there is no model of this name and version")
    return manifest


def _summary(manifest: Manifest, bundles: Bundles) -> dict[str, object]:
    active = bundles.get(manifest.role)
    return {
        "name": manifest.name,
        "version": manifest.version,
        "churn_kind": manifest.churn_kind,
        "role": manifest.role,
        "sha256": manifest.files[MODEL],
        "trained_at": manifest.trained_at.isoformat(),
        "active": active is not None and active.manifest.manifest_sha256 == manifest.manifest_sha256,
    }
