import pytest

from app.settings import Settings
from tests.factories.dictionary import lay_dictionary


@pytest.fixture(scope="session", autouse=True)
def _dictionary(settings: Settings) -> None:
    lay_dictionary(settings)
