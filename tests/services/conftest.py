from collections.abc import Iterator

import psycopg
import pytest

from app.settings import Settings
from tests.factories.dictionary import lay_dictionary
from tests.factories.tables import open_store


@pytest.fixture(scope="session", autouse=True)
def _dictionary(settings: Settings) -> None:
    lay_dictionary(settings)


@pytest.fixture(scope="session")
def store(settings: Settings) -> Iterator[psycopg.Connection]:
    with open_store(settings) as connection:
        yield connection
