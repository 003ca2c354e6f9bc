"""A road to the store that can be closed: a socket that passes everything on, until it does not."""

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

PIECE = 65_536


class Forwarder:
    """Listens in `folder` as a PostgreSQL does, and forwards each connection to the one behind `database_url`."""

    def __init__(self, folder: Path, database_url: str) -> None:
        parts = urlsplit(database_url)
        query = parse_qs(parts.query)
        name = f".s.PGSQL.{query['port'][0]}"
        self._behind = str(Path(query["host"][0]) / name)
        self._here = folder / name
        self.database_url = parts._replace(query=f"host={quote(str(folder), safe='')}&port={query['port'][0]}").geturl()
        self._flowing = threading.Event()
        self._closed = threading.Event()
        self._connections: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self.open()

    def open(self) -> None:
        """Let everything through, also what was held back."""
        self._flowing.set()
        if self._listener is None:
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(str(self._here))
            self._listener.listen(64)
            threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def hold(self) -> None:
        """Let nothing through and break nothing: what a firewall does that drops packets."""
        self._flowing.clear()

    def refuse(self) -> None:
        """Break every connection and take no new one: what a host without a server does."""
        listener, self._listener = self._listener, None
        self._here.unlink(missing_ok=True)
        for connection in [*self._connections, *filter(None, [listener])]:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        if listener:
            listener.close()

    def close(self) -> None:
        self._closed.set()
        self._flowing.set()
        self.refuse()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=self._forward, args=(connection,), daemon=True).start()

    def _forward(self, front: socket.socket) -> None:
        with front, socket.socket(socket.AF_UNIX) as back, suppress(OSError):
            back.connect(self._behind)
            ends = {front: back, back: front}
            self._connections |= ends.keys()
            try:
                while not self._closed.is_set():
                    for end in select.select([*ends], [], [])[0]:
                        piece = end.recv(PIECE)
                        self._flowing.wait()
                        if not piece:
                            return
                        ends[end].sendall(piece)
            finally:
                self._connections -= ends.keys()


@contextmanager
def forwarding(folder: Path, database_url: str) -> Iterator[Forwarder]:
    forwarder = Forwarder(folder, database_url)
    try:
        yield forwarder
    finally:
        forwarder.close()
