"""models: what is registered, which one is active, and how to change that."""

from pathlib import Path
from typing import Annotated, cast, get_args

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from app.errors import Invalid, NotFound
from app.ml import registry
from app.ml.manifest import MODEL, UPLIFT, ChurnKind, Manifest, Metrics, Role
from app.ml.pointer import Pointer, read_pointer
from app.ml.registry import Activation

group = typer.Typer(no_args_is_help=True)

ModelsDir = Annotated[Path, typer.Option("--dir", envvar="STAYLINE_MODELS_DIR", help="The models' folder.")]
MODELS = Path("models")


class ModelNotFound(NotFound):
    """There is no such model."""


class ChurnKindRefused(Invalid):
    """There is no such kind of churn."""


@group.command("list")
def list_models(models_dir: ModelsDir = MODELS) -> None:
    """List registered models with how well they do on rows they never saw."""
    pointer = read_pointer(models_dir)
    shown = Table("name", "version", "kind", "AUROC", "log-loss", "active", box=None)
    for manifest in registry.list_manifests(models_dir):
        metrics = manifest.metrics
        mark = "yes" if _active_since(pointer, manifest) else ""
        cells = (manifest.name, manifest.version, manifest.role, _auroc(metrics), f"{metrics.log_loss:.4f}", mark)
        shown.add_row(*cells)
    Console(width=120).print(shown)


@group.command()
def show(name: str, version: str, models_dir: ModelsDir = MODELS) -> None:
    """Show what one version is, what it was made from, and how well it does."""
    manifest = registry.find_manifest(models_dir, name, version)
    if manifest is None:
        raise ModelNotFound("there is no model of this name and version")
    shown = Table(box=None, show_header=False)
    for title, value in _facts(manifest, read_pointer(models_dir)).items():
        shown.add_row(title, escape(value))
    Console(width=120).print(shown)


@group.command()
def activate(name: str, version: str, models_dir: ModelsDir = MODELS) -> None:
    """Try one version in a process of its own and make it the active model of its kind; running services take it up."""
    _tell(registry.activate(models_dir, name, version))


@group.command()
def rollback(
    kind: Annotated[str | None, typer.Option(help="Of which churn kind; not needed if one kind is active.")] = None,
    models_dir: ModelsDir = MODELS,
) -> None:
    """Make the model active again that was so before the present one; done twice, it is as it was."""
    roles = (*get_args(ChurnKind), UPLIFT)
    if kind not in {None, *roles}:
        raise ChurnKindRefused(f"--kind is none of {', '.join(roles)}")
    _tell(registry.roll_back(models_dir, cast("Role | None", kind)))


def _tell(activation: Activation) -> None:
    manifest = activation.manifest
    typer.echo(f"{manifest.name} {manifest.version} is the active model for {manifest.role}")


def _facts(manifest: Manifest, pointer: Pointer) -> dict[str, str]:
    training, metrics = manifest.training, manifest.metrics
    return {
        "model": f"{manifest.name} {manifest.version}",
        "predicts": f"{manifest.churn_kind} within {manifest.horizon_days} days",
        "label": manifest.label_note or "-",
        "active": _active_since(pointer, manifest) or "no",
        "trained": f"{manifest.trained_at:%Y-%m-%d %H:%M} on {training.rows} rows, of which {training.positives} left",
        "inputs": f"{len(manifest.features)} features in {len(manifest.terms)} terms",
        "judged on": f"{metrics.rows} rows it never saw, of which {metrics.positives} left",
        "AUROC": _auroc(metrics),
        "log-loss": f"{metrics.log_loss:.4f}",
        "Brier, ECE": f"{metrics.brier:.4f}, {metrics.ece:.4f}",
        "sha256": manifest.files[MODEL],
    }


def _active_since(pointer: Pointer, manifest: Manifest) -> str:
    receipt = pointer.get(manifest.role)
    if receipt is None or receipt.manifest_sha256 != manifest.manifest_sha256:
        return ""
    return f"since {receipt.activated_at:%Y-%m-%d %H:%M}"


def _auroc(metrics: Metrics) -> str:
    low, high = metrics.intervals.auroc
    return f"{metrics.auroc:.4f} [{low:.4f}, {high:.4f}]"


def register(cli: typer.Typer) -> None:
    cli.add_typer(group, name="models", help="Trained models: list and show them, choose the active one, go back.")
