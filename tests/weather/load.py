"""Load as it comes from outside: at a rate of its own, whether or not what came before has been answered."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.weather.caller import Answer, Caller, Unanswered
from tests.weather.promises import percentile

MOST_CONNECTIONS = 1_000
IDLE_SECONDS = 3.0  # less than after which the service hangs up: it might do so just when something is sent
Asked = tuple[str, str, Any]  # method, path, body


@dataclass(slots=True)
class Load:
    """What so many requests came to: when each was sent, how long it took, and its status (0: unanswered)."""

    answers: list[tuple[float, float, int]] = field(default_factory=list)
    bad: list[Answer] = field(default_factory=list)

    def add(self, sent: float, answer: Answer | None) -> None:
        self.answers.append((sent, answer.seconds if answer else 0.0, answer.status if answer else 0))
        if answer and answer.status >= 500:
            self.bad.append(answer)

    @property
    def sent_away(self) -> int:
        """How many were told to come again later."""
        return sum(answer.status == 503 and "retry-after" in answer.headers for answer in self.bad)

    @property
    def statuses(self) -> Counter[int]:
        return Counter(status for _, _, status in self.answers)

    def seconds(self, *statuses: int, since: float = 0.0) -> list[float]:
        return [taken for sent, taken, status in self.answers if status in statuses and sent >= since]

    def share(self, *statuses: int) -> float:
        return sum(self.statuses[status] for status in statuses) / max(len(self.answers), 1)

    def p99(self, *statuses: int, since: float = 0.0) -> float:
        return percentile(self.seconds(*statuses, since=since), 0.99)


async def offer(
    port: int, key: str, make: Callable[[int], Asked], *, rate: float, seconds: float, spread: Random | None = None
) -> Load:
    """Send so many requests a second for so long; each over an idle connection, or a new one.

    By a beat, or with `spread` each at any moment of its turn: two that keep a beat would always come together.
    """
    load, idle, busy = Load(), list[tuple[Caller, float]](), set[asyncio.Task[None]]()
    began = time.perf_counter()

    async def send(number: int) -> None:
        caller, _ = idle.pop() if idle else (Caller(port, key), 0.0)
        sent = time.perf_counter() - began
        while idle and idle[0][1] < sent - IDLE_SECONDS:
            await idle.pop(0)[0].hang_up()
        try:
            load.add(sent, await caller.ask(*make(number)))
            idle.append((caller, time.perf_counter() - began))
        except Unanswered:
            load.add(sent, None)

    for number in range(int(rate * seconds)):
        turn = number + spread.random() if spread else number
        if (ahead := began + turn / rate - time.perf_counter()) > 0:
            await asyncio.sleep(ahead)
        if len(busy) >= MOST_CONNECTIONS:
            load.add(number / rate, None)  # so many wait already that one more would be answered by nobody
            continue
        task = asyncio.create_task(send(number))
        busy.add(task)
        task.add_done_callback(busy.discard)
    await asyncio.gather(*busy)
    await _hang_up(caller for caller, _ in idle)
    return load


async def press(port: int, key: str, make: Callable[[int], Asked], *, callers: int, seconds: float) -> Load:
    """Have so many callers send one request after another for so long."""
    load, began = Load(), time.perf_counter()
    numbers = iter(range(10**9))

    async def call() -> None:
        async with Caller(port, key) as caller:
            while (sent := time.perf_counter() - began) < seconds:
                try:
                    load.add(sent, await caller.ask(*make(next(numbers))))
                except Unanswered:
                    load.add(sent, None)

    await asyncio.gather(*(call() for _ in range(callers)))
    return load


async def _hang_up(callers: Iterable[Caller]) -> None:
    for caller in callers:
        await caller.hang_up()


def joined(loads: Sequence[Load]) -> Load:
    return Load([answer for load in loads for answer in load.answers], [bad for load in loads for bad in load.bad])
