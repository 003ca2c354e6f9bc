"""A caller over one kept-alive connection, as cheap as it can be written, that knows when it was not answered."""

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import Any, Self


class Unanswered(Exception):
    """The connection was refused, broken or silent: whether the request was carried out, nobody knows."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    content: bytes
    seconds: float

    def json(self) -> Any:
        return json.loads(self.content)


@dataclass(slots=True)
class Caller:
    port: int
    key: str
    patience: float = 10.0
    _reader: asyncio.StreamReader | None = None
    _writer: asyncio.StreamWriter | None = None
    answered: dict[int, int] = field(default_factory=dict)

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send and wait; raises Unanswered, after which the next request opens another connection."""
        began = time.perf_counter()
        try:
            async with asyncio.timeout(self.patience):
                answer = await self._ask(method, path, body, headers, began)
        except (OSError, asyncio.IncompleteReadError, TimeoutError, ValueError) as error:
            await self.hang_up()
            raise Unanswered(type(error).__name__) from error
        self.answered[answer.status] = self.answered.get(answer.status, 0) + 1
        if answer.headers.get("connection") == "close":
            await self.hang_up()
        return answer

    async def _ask(self, method: str, path: str, body: Any, headers: dict[str, str], began: float) -> Answer:
        if self._reader is None or self._writer is None or self._reader.at_eof():  # as any client looks before it sends
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self.port)
        self._writer.write(request(method, path, self.key, body, **headers))
        head = await self._reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")[:-2]
        told = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        content = await self._reader.readexactly(int(told.get("content-length", "0")))
        return Answer(int(first.split()[1]), told, content, time.perf_counter() - began)

    async def hang_up(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()
        self._reader = self._writer = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.hang_up()


def request(method: str, path: str, key: str, body: Any = None, **headers: str) -> bytes:
    """The bytes of a request; a header's name is written with underscores."""
    content = b"" if body is None else json.dumps(body).encode()
    told = {"host": "x", "authorization": f"Bearer {key}", "content-length": str(len(content))}
    if content:
        told["content-type"] = "application/json"
    told |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + content
