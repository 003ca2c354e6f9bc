"""How much is let in at once, and whether anything new should still come here.

Everything runs on one processor's time: more at once makes nobody's answer faster and everybody's slower. What is over
the limit is told so at once instead, while there is time to try elsewhere.
"""

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Admission:
    """Counts the requests that are being worked on, up to `most`, and the bytes of bodies that are held for them.

    Bodies are received before it is known whose they are, so all of them together must be bounded, too. While
    `draining`, callers are sent elsewhere.
    """

    def __init__(self, most: int, most_held_bytes: int) -> None:
        self.most = most
        self.most_held_bytes = most_held_bytes
        self.inside = 0
        self.held_bytes = 0
        self.draining = False

    @property
    def full(self) -> bool:
        return self.inside >= self.most

    @property
    def laden(self) -> bool:
        return self.held_bytes > self.most_held_bytes

    @contextmanager
    def draining_on_sigterm(self, seconds: float) -> Iterator[None]:
        """Upon SIGTERM go on serving for so many seconds, saying that we leave; then let the server stop as it does.

        Load balancers and callers with open connections need that long to notice. A second signal stops at once.
        """
        if threading.current_thread() is not threading.main_thread():  # only there can signals be listened to
            yield
            return
        loop = asyncio.get_running_loop()
        stop: Any = signal.getsignal(signal.SIGTERM)

        def drain(number: int, frame: FrameType | None) -> None:
            if self.draining or not callable(stop):
                stop(number, frame)
                return
            self.draining = True
            loop.call_soon_threadsafe(loop.call_later, seconds, stop, number, None)

        signal.signal(signal.SIGTERM, drain)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, stop)
