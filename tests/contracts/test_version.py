import tomllib
from pathlib import Path

from app.main import VERSION


def test_the_service_and_the_package_have_one_version() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert project["project"]["version"] == VERSION
