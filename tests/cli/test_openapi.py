"""openapi: the description is the service's own, or it is said to have drifted."""

import json
from pathlib import Path

import pytest

from tests.cli.command import Command


@pytest.fixture
def described(bare: Command) -> Path:
    """A description just written."""
    assert bare.succeeds("openapi", "api.json") == ""
    return bare.folder / "api.json"


def test_the_description_is_written_without_a_store_or_a_secret(described: Path) -> None:
    description = json.loads(described.read_text(encoding="utf-8"))
    assert description["info"]["title"] == "Stayline"
    assert "/v1/scores" in description["paths"]


def test_a_fresh_description_is_up_to_date(bare: Command, described: Path) -> None:
    before = described.read_bytes()
    assert bare.succeeds("openapi", "--check", "api.json") == ""
    bare.succeeds("openapi", "api.json")
    assert described.read_bytes() == before


def test_a_description_that_drifted_fails_the_check_and_is_left_alone(bare: Command, described: Path) -> None:
    described.write_text(described.read_text(encoding="utf-8").replace("/v1/scores", "/v1/points"), encoding="utf-8")
    before = described.read_bytes()
    assert "api.json is out of date: run `stayline openapi`" in bare.fails("openapi", "--check", "api.json")
    assert described.read_bytes() == before


def test_a_description_that_is_not_there_fails_the_check(bare: Command) -> None:
    assert "openapi/stayline.json is out of date" in bare.fails("openapi", "--check")


def test_a_place_that_cannot_be_written_is_named_in_one_line(bare: Command) -> None:
    assert "no/such/api.json" in bare.fails("openapi", "no/such/api.json")
