"""The container files, linted by the rules that matter here: no engine builds them where the tests run."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())


def stages() -> list[str]:
    return re.split(r"(?m)^FROM ", DOCKERFILE)[1:]


def test_base_images_are_pinned_to_a_patch_version() -> None:
    assert all(re.match(r"python:3\.\d+\.\d+-slim-\w+", stage) for stage in stages())


def test_the_last_stage_runs_as_an_ordinary_user_and_installs_nothing() -> None:
    last = stages()[-1]
    assert re.search(r"(?m)^USER 10001$", last)
    assert "pip install" not in last
    assert "apt-get" not in last


def test_dependencies_are_installed_from_the_lock_with_hashes() -> None:
    assert "--require-hashes -r requirements-serve.lock" in DOCKERFILE


def test_what_the_image_copies_exists_and_is_not_ignored() -> None:
    allowed = (ROOT / ".dockerignore").read_text().split()
    for source in re.findall(r"(?m)^COPY (?!--from)(\S+)", DOCKERFILE):
        assert (ROOT / source).exists(), source
        assert f"!{source}" in allowed, source


def test_no_secret_stands_in_the_container_files() -> None:
    for service in COMPOSE["services"].values():
        for name, value in service.get("environment", {}).items():
            if re.search("PASSWORD|KEY|URL", name):
                assert "${" in value, name


def test_a_worker_stands_beside_the_service() -> None:
    assert COMPOSE["services"]["worker"]["command"] == ["worker"]


@pytest.mark.parametrize("name", ["service", "worker"])
def test_it_has_a_read_only_file_system_and_no_capability(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
