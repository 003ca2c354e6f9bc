"""A road to the store that can be closed: a port that passes everything on, until it does not.

It is a process of its own, told what to do on its standard input, so that it slows nobody down.
"""

import asyncio
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

PIECE = 65_536
AT_ONCE = struct.pack("ii", 1, 0)  # linger for no time: the close is a reset


class Forwarder:
    """Tells the road what to do, and waits until it has."""

    def __init__(self, database_url: str) -> None:
        parts = urlsplit(database_url)
        query = parse_qs(parts.query)
        behind = Path(query["host"][0]) / f".s.PGSQL.{query['port'][0]}"
        self._road = subprocess.Popen(
            [sys.executable, "-m", "tests.factories.forwarder", str(behind)],
            cwd=Path(__file__).parents[2],
            env=os.environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.database_url = parts._replace(netloc=f"postgres@127.0.0.1:{self._heard()}", query="").geturl()

    def open(self) -> None:
        """Let everything through, also what was held back."""
        self._tell("open")

    def hold(self) -> None:
        """Let nothing through and break nothing: what a firewall does that drops packets."""
        self._tell("hold")

    def reset(self) -> None:
        """Break every connection, and take new ones: what a firewall does that has forgotten them."""
        self._tell("reset")

    def refuse(self) -> None:
        """Break every connection and take no new one: what a host without a server does."""
        self._tell("refuse")

    def cut_after_commits(self, times: int) -> None:
        """Pass so many commits on and break their connections: they are made, and nobody hears of it."""
        self._tell(f"cut {times}")

    def close(self) -> None:
        self._road.kill()
        self._road.communicate()

    def _tell(self, command: str) -> None:
        assert self._road.stdin
        self._road.stdin.write(f"{command}\n")
        self._road.stdin.flush()
        assert self._heard() == "done"

    def _heard(self) -> str:
        assert self._road.stdout
        return self._road.stdout.readline().strip()


@contextmanager
def forwarding(database_url: str) -> Iterator[Forwarder]:
    forwarder = Forwarder(database_url)
    try:
        yield forwarder
    finally:
        forwarder.close()


class _Road:
    def __init__(self, behind: str) -> None:
        self._behind = behind
        self._flowing = asyncio.Event()
        self._travellers: set[asyncio.Task[None]] = set()
        self._ends: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.port = 0
        self._cuts_left = 0

    async def obey(self, command: str) -> None:
        match command.split():
            case ["open"]:
                self._flowing.set()
                if self._server is None:
                    self._server = await asyncio.start_server(self._forward, "127.0.0.1", self.port, limit=PIECE)
                    self.port = self._server.sockets[0].getsockname()[1]
            case ["hold"]:
                self._flowing.clear()
            case ["reset"]:
                self._break()
            case ["refuse"] if self._server:
                self._server.close()
                self._server = None
                self._break()
            case ["cut", times]:
                self._cuts_left = int(times)

    def _break(self) -> None:
        for end in self._ends:
            if (connection := end.get_extra_info("socket")) and connection.family == socket.AF_INET:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
            end.transport.abort()
        for traveller in self._travellers:
            traveller.cancel()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = {writer}
        self._ends.add(writer)
        try:
            behind, back = await asyncio.open_unix_connection(self._behind, limit=PIECE)
            ends.add(back)
            self._ends.add(back)
            ways = [asyncio.create_task(self._pass(*way)) for way in ((reader, back, True), (behind, writer, False))]
            self._travellers.update(ways)
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
            self._travellers.difference_update(ways)
        except OSError:
            pass
        finally:
            for end in ends:
                end.transport.abort()
            self._ends -= ends

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, outward: bool) -> None:  # noqa: FBT001
        with suppress(OSError, asyncio.CancelledError):
            while piece := await reader.read(PIECE):
                await self._flowing.wait()
                writer.write(piece)
                await writer.drain()
                if outward and self._cuts_left > 0 and b"COMMIT" in piece:
                    self._cuts_left -= 1
                    return


async def _main(behind: str) -> None:
    road = _Road(behind)
    await road.obey("open")
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    told: object = road.port
    while True:
        sys.stdout.write(f"{told}\n")
        sys.stdout.flush()
        line = await reader.readline()
        if not line:
            return
        await road.obey(line.decode())
        told = "done"


if __name__ == "__main__":
    import uvloop

    uvloop.run(_main(sys.argv[1]))
