"""serve and migrate: a service starts only where it can work, and says in one line why it does not."""

import base64
import hashlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.embedded.postgres import Server, drop_database, ensure_database
from tests.cli.command import Command

GOOD_KEY = base64.b64encode(hashlib.sha256(b"the key of these tests").digest()).decode()
NOWHERE = "postgresql:///stayline?host=/nowhere"


@pytest.fixture
def empty(server: Server, database: str, tmp_path: Path) -> Iterator[Command]:
    """The command, on a database that nobody has migrated."""
    ensure_database(server, database)
    yield Command(tmp_path, {"DATABASE_URL": server.url(database), "STAYLINE_MASTER_KEYS": GOOD_KEY})
    drop_database(server, database)


def test_without_a_database_it_does_not_start_and_says_what_is_needed(bare: Command) -> None:
    line = bare.fails("serve", "--port", 0, STAYLINE_MASTER_KEYS=GOOD_KEY)
    assert line.startswith("DATABASE_URL is not set: Stayline needs a PostgreSQL")


def test_without_a_master_key_it_does_not_start_and_says_how_to_make_one(bare: Command) -> None:
    line = bare.fails("serve", "--port", 0, DATABASE_URL=NOWHERE)
    assert line.startswith("STAYLINE_MASTER_KEYS is not set")
    assert "openssl rand -base64 32" in line


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ("", "is empty"),
        (" , ", "is empty"),
        (base64.b64encode(bytes(range(16))).decode(), "a key of 16 bytes"),
        (base64.b64encode(bytes(32)).decode(), "not random"),
        (base64.b64encode(b"abcdefgh" * 4).decode(), "not random"),
        ("not base64 at all!", "is not base64"),
        (f"{GOOD_KEY},{GOOD_KEY[:-8]}", "each must be 32 random bytes"),
    ],
)
def test_a_master_key_that_protects_nothing_is_refused_without_repeating_it(
    bare: Command, keys: str, reason: str
) -> None:
    line = bare.fails("serve", "--port", 0, DATABASE_URL=NOWHERE, STAYLINE_MASTER_KEYS=keys)
    assert line.startswith("STAYLINE_MASTER_KEYS ")
    assert reason in line
    assert not keys.strip(" ,") or keys not in line


@pytest.mark.parametrize("url", ["", "nonsense", "postgresql://crm:s3cret@host:port/stayline"])
@pytest.mark.parametrize("command", [["serve", "--port", "0"], ["migrate"]])
def test_an_address_that_is_none_is_refused_without_repeating_it(bare: Command, command: list[str], url: str) -> None:
    line = bare.fails(*command, DATABASE_URL=url, STAYLINE_MASTER_KEYS=GOOD_KEY)
    assert line.startswith("DATABASE_URL ")
    assert "s3cret" not in line


def test_a_setting_out_of_its_range_is_named(bare: Command) -> None:
    variables = {"DATABASE_URL": NOWHERE, "STAYLINE_MASTER_KEYS": GOOD_KEY, "STAYLINE_TIMEZONE": "Mars/Olympus"}
    assert (
        bare.fails("serve", "--port", 0, **variables) == "STAYLINE_TIMEZONE is not a time zone such as Asia/Shanghai\n"
    )


def test_a_database_without_the_schema_is_refused_with_what_to_do(empty: Command) -> None:
    assert "run `stayline migrate`" in empty.fails("serve", "--port", 0)


def test_a_model_that_is_damaged_is_refused_before_anything_is_served(stayline: Command) -> None:
    models = Path(stayline.environment["STAYLINE_MODELS_DIR"])
    models.mkdir()
    (models / "active.json").write_text("{}x")
    assert "active.json" in stayline.fails("serve", "--port", 0)


def test_a_port_that_is_taken_is_a_failure_like_any_other(stayline: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ran = stayline("serve", "--port", taken.getsockname()[1])
    assert ran.code == 1
    assert "already in use" in ran.stderr


def test_a_database_is_migrated_once_and_then_left_as_it_is(empty: Command) -> None:
    first, second = empty.succeeds("migrate"), empty.succeeds("migrate")
    assert first.startswith("schema up to date; ")
    assert not first.endswith("; 0 catalogue entries added\n")
    assert second == "schema up to date; 0 catalogue entries added\n"


def test_a_database_that_cannot_be_reached_is_not_migrated_and_that_is_said(bare: Command) -> None:
    line = bare.fails("migrate", DATABASE_URL=NOWHERE, STAYLINE_MASTER_KEYS=GOOD_KEY)
    assert "DATABASE_URL" in line
    assert "cannot be reached" in line
