"""A running service, as a test sees it: a client, and how to make others."""

from dataclasses import dataclass

import httpx

from app.settings import Settings


@dataclass(frozen=True)
class Service:
    client: httpx.Client
    settings: Settings
    key: str

    @property
    def base_url(self) -> str:
        return str(self.client.base_url)

    def as_caller(self, key: str) -> httpx.Client:
        """A client with another key."""
        return httpx.Client(base_url=self.base_url, headers={"Authorization": f"Bearer {key}"})
