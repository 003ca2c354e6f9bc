"""models: what is registered, and which one is active."""

import json
import shutil
from pathlib import Path

import pytest

from app.ml.pointer import POINTER
from app.ml.registry import active_bundles
from tests.cli.command import Command
from tests.factories.candidates import call_3000_functions, changed, put, shifted


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


def test_a_model_is_shown_with_what_it_is_and_since_when_it_is_active(stayline: Command, version: str) -> None:
    # C10
    told = stayline.succeeds("models", "show", "churn", version)
    assert "port_out within 30 days" in told
    assert "18 features" in told
    assert ["active", "no"] in [line.split() for line in told.splitlines()]
    stayline.succeeds("models", "activate", "churn", version)
    assert "since 20" in stayline.succeeds("models", "show", "churn", version)
    assert "no model" in stayline.fails("models", "show", "churn", "20260101-000000000000")


def test_the_model_before_is_one_command_away(stayline: Command, version: str) -> None:
    # C8
    other = shifted(stayline.folder / "models" / "churn" / version, 1.0)
    assert "No other model was active before" in stayline.fails("models", "rollback")
    stayline.succeeds("models", "activate", "churn", version)
    stayline.succeeds("models", "activate", "churn", other.name)
    told = stayline.succeeds("models", "rollback", "--kind", "port_out")
    assert told == f"churn {version} is the active model for port_out\n"
    assert "--kind is none of port_out, downgrade" in stayline.fails("models", "rollback", "--kind", "boredom")


def test_a_model_that_crashes_whoever_opens_it_is_refused_in_one_line(stayline: Command, version: str) -> None:
    directory = stayline.folder / "models" / "churn" / version
    candidate = put(directory, changed(directory, call_3000_functions))
    line = stayline.fails("models", "activate", "churn", candidate.name)
    assert line.startswith(f"model.onnx of churn/{candidate.name}: it uses operators of another domain")


def test_a_model_that_was_changed_cannot_be_activated(stayline: Command, version: str) -> None:
    (stayline.folder / "models" / "churn" / version / "model.onnx").write_bytes(b"another model")
    assert "checksum" in stayline.fails("models", "activate", "churn", version)


def test_without_models_the_list_is_empty(bare: Command) -> None:
    assert len(bare.succeeds("models", "list").splitlines()) == 1
