"""Callers that misbehave: slow ones, those that never read, and those that leave in the middle."""

import asyncio
import random
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from tests.factories.contacts import complaint
from tests.weather import asked
from tests.weather.caller import Caller, request
from tests.weather.ledger import SUBSCRIBERS, lay_subscribers
from tests.weather.load import Load, joined, offer
from tests.weather.progress import tell
from tests.weather.promises import Row, at_least, at_most, none_of
from tests.weather.world import World, world

AT_ONCE: Final = 200
ABORTED: Final = 5_000
ABORTING: Final = 20  # at a time
SCORES_A_SECOND: Final = 20
BEGUN: Final = 6.0
SETTLED: Final = 30.0
# A write is two rows at once: what it says, and the answer kept for its key.
HALVES: Final = """
    SELECT (SELECT count(*) FROM complaints WHERE owner LIKE 'op-%') AS made,
           (SELECT count(*) FROM idempotency_answers WHERE operation = 'open_complaint') AS kept,
           (SELECT count(DISTINCT owner) FROM complaints WHERE owner LIKE 'op-%') AS different
"""


@dataclass(frozen=True, slots=True)
class Held:
    """What the service holds on to."""

    files: int
    backends: int
    tasks: int
    inside: int
    memory: int


def measure() -> Iterator[Row]:
    with world() as spoiled:
        spoiled.serve(STAYLINE_LOG_LEVEL="WARNING")
        for name, alone, beside in asyncio.run(beside_the_slow(spoiled)):
            yield none_of(f"beside {AT_ONCE} {name}: scores not answered", len(beside.answers) - beside.statuses[200])
            yield at_most(f"beside {AT_ONCE} {name}: p99, of that without", beside.p99(200) / alone.p99(200), 2)
    with world() as spoiled:
        spoiled.serve(STAYLINE_LOG_LEVEL="ERROR")
        yield from aborted(spoiled, ABORTED)


async def beside_the_slow(world: World, seconds: float = 10.0) -> list[tuple[str, Load, Load]]:
    await offer(world.port, world.key, asked.score, rate=SCORES_A_SECOND, seconds=2)  # warm
    found = []
    for name, misbehave in (
        ("that send their headers slowly", _slow_headers),
        ("that send their bodies slowly", _slow_body),
        ("that never read", _never_read),
    ):
        tell(f"callers {name}")
        alone, beside = [], []
        for _ in range(3):  # in turns, so that what else happens on the machine happens to both
            alone.append(await offer(world.port, world.key, asked.score, rate=SCORES_A_SECOND, seconds=seconds))
            slow = [asyncio.create_task(misbehave(world)) for _ in range(AT_ONCE)]
            await asyncio.sleep(BEGUN)  # what they ask for has been made; now it is not fetched
            beside.append(await offer(world.port, world.key, asked.score, rate=SCORES_A_SECOND, seconds=seconds))
            for task in slow:
                task.cancel()
            await asyncio.gather(*slow, return_exceptions=True)
        found.append((name, joined(alone), joined(beside)))
    return found


async def _slow_headers(world: World) -> None:
    await _drip(world, b"POST /v1/interactions HTTP/1.1\r\nhost: x\r\n", b"x-slow: 1\r\n")


async def _slow_body(world: World) -> None:
    whole = request("POST", "/v1/scores", world.key, {"features": {}}, padding="x")
    head, _, body = whole.partition(b"\r\n\r\n")
    head = head.replace(f"content-length: {len(body)}".encode(), b"content-length: 100000")
    await _drip(world, head + b"\r\n\r\n", b" ")


async def _drip(world: World, first: bytes, piece: bytes) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", world.port)
    try:
        writer.write(first)
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.5)
    finally:
        writer.transport.abort()


async def _never_read(world: World) -> None:
    """Ask for the longest answer there is, through a window that is soon full."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.setblocking(False)
    loop = asyncio.get_running_loop()
    try:
        await loop.sock_connect(connection, ("127.0.0.1", world.port))
        with suppress(OSError):
            await loop.sock_sendall(connection, request("GET", "/openapi.json", world.key))
        await asyncio.sleep(3600)
    finally:
        connection.close()


def aborted(world: World, times: int) -> Iterator[Row]:
    before, after = asyncio.run(_aborted(world, times))
    with world.store() as store:
        made, kept, different = store.execute(HALVES).fetchone() or (0, 0, 0)
    yield at_least(f"of {times:,} aborted writes, made all the same", made, 1)
    yield none_of("made by half (with no kept answer, or the other way round)", abs(made - kept))
    yield none_of("made twice", made - different)
    for name in ("files", "backends", "tasks", "memory"):
        then, now = getattr(before, name), getattr(after, name)
        yield at_most(f"after them: {name}, of those before", now / then, 1.05)
    yield none_of("after them: requests inside", after.inside - before.inside)


async def _aborted(world: World, times: int) -> tuple[Held, Held]:
    await lay_subscribers(world)
    await _abort(world, range(-times // 5, 0))  # warm: every connection and buffer there will be is there
    await asyncio.sleep(SETTLED)
    before = await _held(world)
    await _abort(world, range(times))
    await asyncio.sleep(SETTLED)
    return before, await _held(world)


async def _abort(world: World, numbers: range) -> None:
    waiting, chance = iter(numbers), random.Random(3)  # noqa: S311  # when somebody hangs up

    async def leave() -> None:
        for number in waiting:
            tell(f"aborting {number:,} of {numbers.stop:,}")
            mark = f"op-{number}"
            body = complaint(f"weather-{number % SUBSCRIBERS}", owner=mark)
            whole = request("POST", "/v1/complaints", world.key, body, idempotency_key=mark)
            _, writer = await asyncio.open_connection("127.0.0.1", world.port)
            writer.write(whole if chance.random() < 0.8 else whole[: int(len(whole) * chance.random())])
            await asyncio.sleep(chance.random() * 0.05)
            writer.transport.abort()

    await asyncio.gather(*(leave() for _ in range(ABORTING)))


async def _held(world: World) -> Held:
    async with Caller(world.port, world.key) as caller:
        shown = (await caller.ask("GET", "/metrics")).content.decode()
        figures = dict(line.rsplit(" ", 1) for line in shown.splitlines() if not line.startswith("#"))
    with world.store() as store:
        backends = store.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'stayline'").fetchone()
    return Held(
        files=world.open_files(),
        backends=backends[0] if backends else 0,
        tasks=int(float(figures["stayline_tasks"])),
        inside=int(float(figures["stayline_requests_inside"])),
        memory=world.memory(),
    )
