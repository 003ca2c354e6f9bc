"""models: what is registered, and which one is active."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from app.ml import registry

group = typer.Typer(no_args_is_help=True)

ModelsDir = Annotated[Path, typer.Option("--dir", envvar="STAYLINE_MODELS_DIR", help="The models' folder.")]


@group.command("list")
def list_models(models_dir: ModelsDir = Path("models")) -> None:
    """List registered models with how well they do on rows they never saw."""
    active = {bundle.sha256 for bundle in registry.active_bundles(models_dir).values()}
    shown = Table("name", "version", "kind", "AUROC", "log-loss", "active", box=None)
    for manifest in registry.list_manifests(models_dir):
        low, high = manifest.metrics.auroc_interval
        auroc = f"{manifest.metrics.auroc:.4f} [{low:.4f}, {high:.4f}]"
        mark = "yes" if manifest.files["model.onnx"] in active else ""
        shown.add_row(
            manifest.name, manifest.version, manifest.churn_kind, auroc, f"{manifest.metrics.log_loss:.4f}", mark
        )
    Console(width=120).print(shown)


@group.command()
def activate(name: str, version: str, models_dir: ModelsDir = Path("models")) -> None:
    """Make one version the active model of its kind; services load it when they start."""
    bundle = registry.activate(models_dir, name, version)
    typer.echo(f"{name} {version} is the active model for {bundle.manifest.churn_kind}")


def register(cli: typer.Typer) -> None:
    cli.add_typer(group, name="models", help="Trained models: list them, choose the active one.")
