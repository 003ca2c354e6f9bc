"""The lock files name exact versions by their content, and no place to get them from."""

import json
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from tests.contracts.repository import ROOT

LOCKS = sorted(path.name for path in ROOT.glob("requirements*.lock"))
OTHERS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "bench" / "peers").glob("*.lock"))
REQUIREMENT = re.compile(
    r"(?P<name>[a-z0-9][a-z0-9-]*)==(?P<version>\S+)( ; (?P<marker>.+?))?(?P<hashes>( --hash=sha256:[0-9a-f]{64})+)"
)


def requirements(lock: str) -> list[str]:
    text = (ROOT / lock).read_text(encoding="utf-8").replace(" \\\n", "")
    return [re.sub(r" +", " ", line) for line in text.splitlines() if line.strip() and not line.startswith("#")]


def names(lock: str) -> set[str]:
    return {line.partition("==")[0] for line in requirements(lock)}


def pinned(lock: str) -> set[str]:
    """What is locked, whatever it is needed for."""
    return {re.sub(r" ; .+?(?= --hash)", "", line) for line in requirements(lock)}


def test_the_locks_are_found() -> None:
    assert LOCKS == ["requirements-serve.lock", "requirements.lock"]
    assert [Path(lock).stem for lock in OTHERS] == ["bentoml", "mlflow", "mlserver"]


@pytest.mark.parametrize("lock", LOCKS + OTHERS)
def test_a_lock_carries_no_address(lock: str) -> None:
    assert "://" not in (ROOT / lock).read_text(encoding="utf-8")
    assert not [line for line in requirements(lock) if line.startswith("-")]


@pytest.mark.parametrize("lock", LOCKS + OTHERS)
def test_every_requirement_is_an_exact_version_with_its_hashes(lock: str) -> None:
    assert [line for line in requirements(lock) if not REQUIREMENT.fullmatch(line)] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_everything_serving_needs_is_locked(lock: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    direct = {re.split(r"[\[<>=~! ;]", line)[0] for line in project["dependencies"]}

    assert direct <= names(lock)


def test_what_serves_is_part_of_what_is_developed_with() -> None:
    assert pinned("requirements-serve.lock") <= pinned("requirements.lock")
    assert not names("requirements-serve.lock") & {"scikit-learn", "pandas", "interpret-core", "pytest", "onnx"}


def test_the_bill_of_materials_is_what_is_locked_and_installed(tmp_path: Path) -> None:
    bill = tmp_path / "sbom.json"
    program = str(Path(sys.executable).parent / "cyclonedx-py")
    made = [program, "requirements", "requirements-serve.lock", "-o", str(bill)]
    subprocess.run(made, cwd=ROOT, check=True, capture_output=True)
    told = {(part["name"], part["version"]) for part in json.loads(bill.read_text())["components"]}
    locked = {tuple(line.split(" ")[0].split("==")) for line in requirements("requirements-serve.lock")}
    installed = {distribution.metadata["Name"].lower().replace("_", "-") for distribution in metadata.distributions()}

    assert told == locked
    assert {(name, metadata.version(name)) for name, _ in told if name in installed} <= told
    assert len({name for name, _ in told} & installed) > 40
