"""A closed loop of callers over keep-alive connections, in a process of its own, as cheap as it can be written."""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from subprocess import run


def latencies(port: int, key: str, paths: Sequence[str], callers: int) -> list[float]:
    """GET all paths with so many callers at once; returns seconds of each request, in order of their end."""
    told = json.dumps({"port": port, "key": key, "paths": list(paths), "callers": callers})
    done = run([sys.executable, "-m", "bench.load"], input=told, capture_output=True, text=True, check=True)
    found: list[float] = json.loads(done.stdout)
    return found


async def _call_all(port: int, key: str, paths: list[str], callers: int) -> list[float]:
    taken: list[float] = []
    waiting = iter(paths)

    async def caller() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for path in waiting:
            began = time.perf_counter()
            writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            taken.append(time.perf_counter() - began)
        writer.close()

    await asyncio.gather(*(caller() for _ in range(callers)))
    return taken


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    sys.stdout.write(json.dumps(asyncio.run(_call_all(asked["port"], asked["key"], asked["paths"], asked["callers"]))))
