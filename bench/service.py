"""A demo of its own, set up and served for a measurement."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx

from app.demo.home import Demo

PORT = 8099
Row = tuple[str, str, str]


def set_up(demo: Demo) -> dict[str, Any]:
    command = [sys.executable, "-m", "app", "demo-setup", str(demo.home), f"http://127.0.0.1:{PORT}"]
    subprocess.run(command, env=os.environ | demo.environment(), check=True, stdout=sys.stderr)
    told: dict[str, Any] = json.loads(demo.description.read_text())
    return told


@contextmanager
def serving(demo: Demo, workers: int, port: int = PORT) -> Iterator[subprocess.Popen[bytes]]:
    """Serving processes, ready when this yields."""
    command = [sys.executable, "-m", "app", "serve", "--port", str(port), "--workers", str(workers)]
    environment = os.environ | demo.environment() | {"STAYLINE_LOG_LEVEL": "WARNING"}
    with subprocess.Popen(command, env=environment) as process:
        try:
            wait_until_answering(f"http://127.0.0.1:{port}/readyz")
            yield process
        finally:
            process.terminate()


@contextmanager
def bare_application(name: str, port: int, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """An ASGI application of ours that does next to nothing, on the server that serves the service."""
    options = ["--port", str(port), "--no-access-log", "--log-level", "warning", "--loop", "uvloop"]
    command = [sys.executable, "-m", "uvicorn", name, "--http", "httptools", *options]
    with subprocess.Popen(command, env=os.environ | environment) as process:
        try:
            wait_until_answering(f"http://127.0.0.1:{port}/")
            yield process
        finally:
            process.terminate()


def wait_until_answering(url: str) -> None:
    give_up = time.monotonic() + 30
    while time.monotonic() < give_up:
        with suppress(httpx.TransportError):
            if httpx.get(url).status_code == httpx.codes.OK:
                return
        time.sleep(0.02)
    raise TimeoutError("the service did not become ready")
