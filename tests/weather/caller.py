"""A caller over one kept-alive connection, as cheap as it can be written, that knows when it was not answered."""

import asyncio
import json
import re
import time
from dataclasses import dataclass
from typing import Any, Final, Self, cast

_LENGTH: Final = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)


class Unanswered(Exception):
    """The connection was refused, broken or silent: whether the request was carried out, nobody knows."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    head: bytes
    content: bytes
    seconds: float

    @property
    def headers(self) -> dict[str, str]:
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        return {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}

    @property
    def is_last(self) -> bool:
        return b"connection: close" in self.head.lower()

    def json(self) -> Any:
        return json.loads(self.content)


class _Line(asyncio.Protocol):
    """A connection with one request under way at most."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.waiting: asyncio.Future[tuple[bytes, bytes]] | None = None
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's are none by inheritance

    def data_received(self, data: bytes) -> None:
        self._received = self._received + data if self._received else data
        head, end, rest = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if end and len(rest) >= (int(length[1]) if length else 0) and self.waiting and not self.waiting.done():
            self._received = b""
            self.waiting.set_result((head, rest))

    def connection_lost(self, error: Exception | None) -> None:
        self.transport = None
        if self.waiting and not self.waiting.done():
            self.waiting.set_exception(Unanswered(type(error).__name__ if error else "closed"))


@dataclass(slots=True)
class Caller:
    port: int
    key: str
    patience: float = 10.0
    _line: _Line | None = None

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send and wait; raises Unanswered, after which the next request opens another connection."""
        began = time.perf_counter()
        loop = asyncio.get_running_loop()
        line = await self._open(loop)
        line.waiting = waiting = loop.create_future()
        assert line.transport
        line.transport.write(request(method, path, self.key, body, **headers))
        giving_up = loop.call_later(self.patience, _give_up, waiting)
        try:
            head, content = await waiting
        except BaseException:
            await self.hang_up()
            raise
        finally:
            giving_up.cancel()
        answer = Answer(int(head[9:12]), head, content, time.perf_counter() - began)
        if answer.is_last:
            await self.hang_up()
        return answer

    async def _open(self, loop: asyncio.AbstractEventLoop) -> _Line:
        if self._line is None or self._line.transport is None:  # as any client looks before it sends
            try:
                _, self._line = await loop.create_connection(_Line, "127.0.0.1", self.port)
            except OSError as error:
                raise Unanswered(type(error).__name__) from error
        return self._line

    async def hang_up(self) -> None:
        if self._line and self._line.transport:
            self._line.transport.abort()
        self._line = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.hang_up()


def _give_up(waiting: "asyncio.Future[Any]") -> None:
    if not waiting.done():
        waiting.set_exception(Unanswered("silent"))


def request(method: str, path: str, key: str, body: Any = None, **headers: str) -> bytes:
    """The bytes of a request; a header's name is written with underscores."""
    content = b"" if body is None else json.dumps(body).encode()
    told = {"host": "x", "authorization": f"Bearer {key}", "content-length": str(len(content))}
    if content:
        told["content-type"] = "application/json"
    told |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + content
