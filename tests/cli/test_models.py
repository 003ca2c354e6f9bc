"""models: what is registered, and which one is active."""

import json
import shutil
from pathlib import Path

import pytest

from app.ml.registry import POINTER, active_bundles
from tests.cli.command import Command


@pytest.fixture
def stayline(models_dir: Path, tmp_path: Path) -> Command:
    """The command beside a registry with one model, which is not active."""
    shutil.copytree(models_dir, tmp_path / "models")
    (tmp_path / "models" / POINTER).unlink()
    return Command(tmp_path, {})


@pytest.fixture
def version(models_dir: Path) -> str:
    return active_bundles(models_dir)["port_out"].manifest.version


def line_of(stayline: Command, version: str) -> list[str]:
    (line,) = [line for line in stayline.succeeds("models", "list").splitlines() if version in line]
    return line.split()


def test_a_model_is_listed_with_how_well_it_does(stayline: Command, version: str) -> None:
    # C10
    manifest = json.loads((stayline.folder / "models" / "churn" / version / "manifest.json").read_text())
    line = line_of(stayline, version)
    assert line[:4] == ["churn", version, "port_out", f"{manifest['metrics']['auroc']:.4f}"]
    assert line[-1] == f"{manifest['metrics']['log_loss']:.4f}"


def test_a_model_is_active_once_it_is_made_so(stayline: Command, version: str) -> None:
    # C8
    assert line_of(stayline, version)[-1] != "yes"
    told = stayline.succeeds("models", "activate", "churn", version)
    assert told == f"churn {version} is the active model for port_out\n"
    assert line_of(stayline, version)[-1] == "yes"
    assert active_bundles(stayline.folder / "models")["port_out"].manifest.version == version


@pytest.mark.parametrize(
    ("name", "other"), [("churn", "20260101-000000000000"), ("upgrade", None), ("..", None), ("churn", "../churn")]
)
def test_only_a_registered_version_can_be_activated(
    stayline: Command, version: str, name: str, other: str | None
) -> None:
    assert stayline.fails("models", "activate", name, other or version).strip()
    assert not (stayline.folder / "models" / POINTER).exists()


def test_a_model_that_was_changed_cannot_be_activated(stayline: Command, version: str) -> None:
    (stayline.folder / "models" / "churn" / version / "model.onnx").write_bytes(b"another model")
    assert "checksum" in stayline.fails("models", "activate", "churn", version)


def test_without_models_the_list_is_empty(bare: Command) -> None:
    assert len(bare.succeeds("models", "list").splitlines()) == 1
