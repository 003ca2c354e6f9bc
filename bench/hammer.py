"""A closed loop of keep-alive connections that costs next to nothing, in a process of its own, on core 1 or as told.

It reads {port, key, path, bodies, connections, seconds} on standard input, or `paths` for those to GET, and
prints {answers, seconds, statuses}.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from itertools import cycle
from subprocess import run
from typing import Any

import uvloop

from bench.cores import pin
from bench.load import request


class _Caller(asyncio.Protocol):
    """Sends the next request as soon as the last one's answer is there."""

    def __init__(self, requests: Any, statuses: Counter[bytes], until: float) -> None:
        self.requests, self.statuses, self.until = requests, statuses, until
        self.done = asyncio.get_running_loop().create_future()
        self.held = b""
        self.answers = 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(next(self.requests))

    def data_received(self, data: bytes) -> None:
        held = self.held + data if self.held else data
        head = held.find(b"\r\n\r\n")
        at = held.find(b"ontent-length: ", 0, head)
        if head < 0 or len(held) < head + 4 + int(held[at + 15 : held.find(b"\r\n", at)]):
            self.held = held
            return
        self.held = b""
        self.answers += 1
        self.statuses[held[9:12]] += 1
        if time.perf_counter() < self.until:
            self.transport.write(next(self.requests))
        else:
            self.transport.close()

    def connection_lost(self, _: Exception | None) -> None:
        self.done.set_result(None)


def hammer(told: dict[str, Any]) -> dict[str, Any]:
    """Have another process do it, and return what it counted."""
    done = run(
        [sys.executable, "-m", "bench.hammer"], input=json.dumps(told), capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


async def _hammer(told: dict[str, Any]) -> dict[str, Any]:
    asked = [(path, None) for path in told.get("paths", ())] or [(told["path"], body) for body in told["bodies"]]
    requests = cycle([request(path, told["key"], body) for path, body in asked])
    statuses: Counter[bytes] = Counter()
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    until = began + told["seconds"]
    callers = [
        (await loop.create_connection(lambda: _Caller(requests, statuses, until), "127.0.0.1", told["port"]))[1]
        for _ in range(told["connections"])
    ]
    await asyncio.gather(*(caller.done for caller in callers))
    return {
        "answers": sum(caller.answers for caller in callers),
        "seconds": time.perf_counter() - began,
        "statuses": {status.decode(): count for status, count in statuses.items()},
    }


if __name__ == "__main__":
    told = json.load(sys.stdin)
    if (core := told.get("core", 1)) is not None:
        pin(core)
    sys.stdout.write(json.dumps(uvloop.run(_hammer(told))))
