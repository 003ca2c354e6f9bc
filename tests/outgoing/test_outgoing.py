"""Calls go to whom the settings name and to nobody else, whatever address somebody thinks of."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from app.outgoing import MOST_BYTES, AddressRefused, NoAnswer, Outgoing
from tests.service import free_port

ELSEWHERE = (
    "http://169.254.169.254/latest/meta-data/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "http://metadata.google.internal/computeMetadata/v1/",
    "http://127.0.0.1/",
    "http://127.1/",
    "http://0.0.0.0/",
    "http://0/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://017700000001/",
    "http://0177.0.0.1/",
    "http://[::1]/",
    "http://[::]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://localhost/",
    "http://LOCALHOST/",
    "http://localhost./",
    "http://127.0.0.1.nip.io/",
    "http://named.example@127.0.0.1/",
    "http://127.0.0.1#@named.example/",
    "http://127.0.0.1?@named.example/",
    "http://127.0.0.1\\@named.example/",
    "http://named.example.evil.example/",
    "https://named.example/",
    "http://named.example:8080/",
    "http://user:secret@named.example/",
    "//named.example/",
    "file:///etc/passwd",
    "gopher://named.example/",
    "ftp://named.example/",
    "http://",
    "http://named.example:99999/",
    "http://[named.example/",
    "",
)


@pytest.fixture
def never(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Who was called, or only looked up."""
    called: list[object] = []
    monkeypatch.setattr(socket.socket, "connect", lambda *args: called.append(args))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **_: called.append(args))
    return called


@pytest.mark.parametrize("address", ELSEWHERE)
def test_nobody_else_is_called(address: str, never: list[object]) -> None:
    with pytest.raises(AddressRefused):
        asyncio.run(Outgoing(["http://named.example/keys"]).fetch(address))
    assert never == []


def test_a_service_that_names_nobody_calls_nobody(never: list[object]) -> None:
    with pytest.raises(AddressRefused):
        asyncio.run(Outgoing([]).fetch("https://named.example/"))
    assert never == []


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """Answer one caller so."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            caller, _ = server.accept()
            with caller:
                caller.recv(65_536)
                caller.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/keys"


def fetched(answer: bytes) -> bytes:
    with answering(answer) as address:
        return asyncio.run(Outgoing([address]).fetch(address))


def test_an_answer_is_taken_whole() -> None:
    assert fetched(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}") == b"{}"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (MOST_BYTES + 1),
        b"nonsense",
        b"",
    ],
    ids=["a redirect", "an error", "cut", "endless", "nonsense", "nothing"],
)
def test_anything_else_is_no_answer(answer: bytes) -> None:
    with pytest.raises(NoAnswer):
        fetched(answer)


def test_who_is_not_there_does_not_answer() -> None:
    address = f"http://127.0.0.1:{free_port()}/keys"
    with pytest.raises(NoAnswer):
        asyncio.run(Outgoing([address]).fetch(address))
