from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest

from app.embedded.postgres import Server, drop_database
from app.settings import Settings
from tests.cli.command import Command
from tests.conftest import make_settings
from tests.service import variables

_numbers = count(1)


@pytest.fixture
def bare(tmp_path: Path) -> Command:
    """The command without any settings."""
    return Command(tmp_path, {})


@pytest.fixture
def database(worker_id: str) -> str:
    """A name that no other test gives its database."""
    return f"cli_{worker_id}_{next(_numbers)}"


@pytest.fixture
def own_settings(
    new_database: Callable[[str], str], server: Server, database: str, tmp_path: Path
) -> Iterator[Settings]:
    """Settings for a database of the test's own, as it is after `migrate`."""
    yield make_settings(new_database(database), tmp_path / "models")
    drop_database(server, database)


@pytest.fixture
def stayline(own_settings: Settings, tmp_path: Path) -> Command:
    """The command, on a database of the test's own."""
    return Command(tmp_path, variables(own_settings))


@pytest.fixture
def store(own_settings: Settings) -> Iterator[psycopg.Connection]:
    with psycopg.connect(own_settings.database_url.get_secret_value(), autocommit=True) as connection:
        yield connection
