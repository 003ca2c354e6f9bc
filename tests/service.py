"""A running service, as a test sees it: a client, and how to make others; or a process of its own."""

import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

import httpx

from app.settings import Settings

# Nothing here speaks TLS, and to read the machine's certificates takes longer than most requests do.
_PLAIN: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


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
        return client_of(self.base_url, key)


def client_of(base_url: str, key: str | None = None, **others: Any) -> httpx.Client:
    """A client of a service; `others` are what else a client of httpx takes."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.Client(base_url=base_url, headers=headers, verify=_PLAIN, **others)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_ready(url: str, path: str = "/readyz") -> bool:
    with suppress(httpx.TransportError), client_of(url) as client:
        return client.get(path).status_code == httpx.codes.OK
    return False


def wait_until_ready(url: str, path: str = "/readyz", patience: float = 60.0) -> None:
    give_up = time.monotonic() + patience
    while not is_ready(url, path):
        if time.monotonic() > give_up:
            raise TimeoutError(f"{url} did not become ready")
        time.sleep(0.05)


def eventually(holds: Callable[[], bool], seconds: float = 30) -> None:
    """Wait until something holds."""
    give_up = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < give_up
        time.sleep(0.05)


def variables(settings: Settings) -> dict[str, str]:
    """What a process of the product's needs to be told of its settings."""
    return {
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "STAYLINE_MASTER_KEYS": settings.master_keys.get_secret_value(),
        "STAYLINE_MODELS_DIR": str(settings.models_dir),
    }


@contextmanager
def serving_process(settings: Settings, workers: int = 1) -> Iterator[str]:
    """`stayline serve`, as an operator starts it; yields its address."""
    port = free_port()
    command = [sys.executable, "-m", "app", "serve", "--workers", str(workers), "--port", str(port)]
    environment = os.environ | variables(settings)
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until_ready(url, "/readyz/store")
            yield url
        finally:
            process.terminate()
