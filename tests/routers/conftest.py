from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest

from app.routers.flights import Flights, Passenger
from app.settings import Settings
from tests.factories.dictionary import lay_dictionary
from tests.factories.grounds import Grounds, lay_grounds
from tests.factories.tables import open_store
from tests.service import Service


@pytest.fixture(scope="session", autouse=True)
def _dictionary(settings: Settings) -> None:
    lay_dictionary(settings)


@pytest.fixture(scope="session")
def grounds(service: Service) -> Grounds:
    return lay_grounds(service.client)


@pytest.fixture
def rules(api: httpx.Client) -> Iterator[dict[str, Any]]:
    """The rules in force, put back afterwards."""
    read_only = {"version", "published_at"}
    found = {name: value for name, value in api.get("/v1/policy").json().items() if name not in read_only}
    yield found
    assert api.put("/v1/policy", json=found).status_code == 200


@pytest.fixture(scope="session")
def store(settings: Settings) -> Iterator[psycopg.Connection]:
    with open_store(settings) as connection:
        yield connection


@pytest.fixture
def flights(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many left together, of each group that leaves while this is watched."""
    sizes: list[int] = []
    fly = Flights._fly  # noqa: SLF001  # only watched

    async def watched(flights: Flights, group: list[Passenger]) -> None:
        sizes.append(len(group))
        await fly(flights, group)

    monkeypatch.setattr(Flights, "_fly", watched)
    return sizes
