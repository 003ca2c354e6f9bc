"""A closed loop of callers over keep-alive connections, in a process of its own, as cheap as it can be written."""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from subprocess import run
from typing import Any


def latencies(
    port: int, key: str, paths: Sequence[str], callers: int, bodies: Sequence[Any] | None = None
) -> list[float]:
    """GET all paths, or POST a body to each, with so many callers at once; returns seconds of each, as they end."""
    asked = [None] * len(paths) if bodies is None else list(bodies)
    told = json.dumps({"port": port, "key": key, "paths": list(paths), "callers": callers, "bodies": asked})
    done = run([sys.executable, "-m", "bench.load"], input=told, capture_output=True, text=True, check=True)
    found: list[float] = json.loads(done.stdout)
    return found


async def _call_all(port: int, key: str, requests: list[tuple[str, Any]], callers: int) -> list[float]:
    taken: list[float] = []
    waiting = iter([request(path, key, body) for path, body in requests])

    async def caller() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in waiting:
            began = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 20"), head
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            taken.append(time.perf_counter() - began)
        writer.close()

    await asyncio.gather(*(caller() for _ in range(callers)))
    return taken


def request(path: str, key: str, body: Any) -> bytes:
    if body is None:
        return f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n".encode()
    content = json.dumps(body).encode()
    head = f"Authorization: Bearer {key}\r\nContent-Type: application/json\r\nContent-Length: {len(content)}"
    return f"POST {path} HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n".encode() + content


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    sys.stdout.write(
        json.dumps(
            asyncio.run(
                _call_all(
                    asked["port"],
                    asked["key"],
                    list(zip(asked["paths"], asked["bodies"], strict=True)),
                    asked["callers"],
                )
            )
        )
    )
