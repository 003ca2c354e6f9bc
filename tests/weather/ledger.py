"""Writers who keep a ledger of what they were told, and what is in the store in the end, compared entry by entry."""

import asyncio
import hashlib
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final, Literal

from tests.factories.contacts import call, complaint, moments_ago
from tests.factories.subscribers import LEAVING
from tests.weather.caller import Answer, Caller, Unanswered
from tests.weather.world import World

SUBSCRIBERS: Final = 200
LAYING: Final = 2  # at a time: as few as any storm lets in
REPLAYED_SHARE: Final = 0.1
GIVEN_UP_AFTER: Final = 60.0
PAUSE: Final = 0.05
Kind = Literal["interactions", "complaints", "decisions"]
# Where each kind carries the writer's own mark, in the clear.
MARKS: Final[dict[Kind, str]] = {
    "interactions": "SELECT agent_id, count(*) FROM interactions WHERE agent_id LIKE 'op-%' GROUP BY 1",
    "complaints": "SELECT owner, count(*) FROM complaints WHERE owner LIKE 'op-%' GROUP BY 1",
    "decisions": "SELECT inputs ->> 'owner', count(*) FROM decisions WHERE inputs ->> 'owner' LIKE 'op-%' GROUP BY 1",
}
MIX: Final[tuple[Kind, ...]] = ("interactions",) * 8 + ("complaints", "decisions")


@dataclass(slots=True)
class Entry:
    """One write: its mark is its Idempotency-Key, too."""

    mark: str
    kind: Kind
    body: dict[str, Any]
    acknowledged: tuple[int, bytes] | None = None
    refused: int | None = None


@dataclass(slots=True)
class Ledger:
    """All that was written, and what was odd about the answers."""

    entries: list[Entry] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    failed_ids: list[str] = field(default_factory=list)
    replays: int = 0
    diverged: list[str] = field(default_factory=list)
    last_acknowledged: float = 0.0
    slowest: float = 0.0

    @property
    def acknowledged(self) -> int:
        return sum(entry.acknowledged is not None for entry in self.entries)


@dataclass(frozen=True, slots=True)
class Findings:
    lost: int
    duplicated: int
    diverged: int
    refused_but_stored: int
    unexpected: int
    unlogged: int

    @property
    def clean(self) -> bool:
        return not any(
            (self.lost, self.duplicated, self.diverged, self.refused_but_stored, self.unexpected, self.unlogged)
        )


@dataclass(slots=True)
class Writers:
    """So many writers at once, each over a connection of its own, until `stop` is set."""

    world: World
    ledger: Ledger
    hours_ago: float = 0.1  # when what they write of was
    mix: tuple[Kind, ...] = MIX
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    _numbers: "count[int]" = field(default_factory=count)
    _chance: random.Random = field(default_factory=lambda: random.Random(7))  # noqa: S311  # which writes are repeated

    async def write(self) -> None:
        async with Caller(self.world.port, self.world.key) as caller:
            while not self.stop.is_set():
                entry = self._next()
                self.ledger.entries.append(entry)
                await self._until_known(caller, entry)
                if entry.acknowledged and self._chance.random() < REPLAYED_SHARE:
                    await self._replay(caller, entry)

    def _next(self) -> Entry:
        number = next(self._numbers)
        mark, kind = f"op-{number}", self.mix[number % len(self.mix)]
        person = f"weather-{number % SUBSCRIBERS}"
        if kind == "interactions":
            body = call(person, agent_id=mark, occurred_at=moments_ago(hours=self.hours_ago))
        elif kind == "complaints":
            body = complaint(person, owner=mark)
        else:
            body = {"subscriber_id": person, "channel": "call", "direction": "inbound", "owner": mark}
        return Entry(mark, kind, body)

    async def _until_known(self, caller: Caller, entry: Entry) -> None:
        """Send again until it is acknowledged or refused for good."""
        give_up = time.monotonic() + GIVEN_UP_AFTER
        while time.monotonic() < give_up:
            answer = await self._send(caller, entry)
            if answer is not None and answer.status == 201:
                entry.acknowledged = _told(answer)
                self.ledger.last_acknowledged = time.monotonic()
                return
            if answer is not None and answer.status < 500 and answer.status != 409:
                entry.refused = answer.status
                return
            await asyncio.sleep(PAUSE)

    async def _replay(self, caller: Caller, entry: Entry) -> None:
        give_up = time.monotonic() + GIVEN_UP_AFTER
        while time.monotonic() < give_up:
            answer = await self._send(caller, entry)
            if answer is not None and answer.status < 500 and answer.status != 409:
                self.ledger.replays += 1
                if _told(answer) != entry.acknowledged or answer.headers.get("idempotent-replayed") != "true":
                    self.ledger.diverged.append(entry.mark)
                return
            await asyncio.sleep(PAUSE)

    async def _send(self, caller: Caller, entry: Entry) -> Answer | None:
        try:
            answer = await caller.ask("POST", f"/v1/{entry.kind}", entry.body, idempotency_key=entry.mark)
        except Unanswered:
            return None
        self.ledger.statuses[answer.status] += 1
        self.ledger.slowest = max(self.ledger.slowest, answer.seconds)
        if answer.status >= 500:
            self.ledger.failed_ids.append(answer.headers["x-request-id"])
        return answer


def _told(answer: Answer) -> tuple[int, bytes]:
    return answer.status, hashlib.sha256(answer.content).digest()


async def lay_subscribers(world: World, people: int = SUBSCRIBERS) -> None:
    """People the world, once."""
    if world.peopled:
        return
    waiting = iter(range(people))

    async def lay() -> None:
        async with Caller(world.port, world.key) as caller:
            for number in waiting:
                path = f"/v1/subscribers/weather-{number}"
                for answer in (
                    await caller.ask("PUT", path, {}),
                    await caller.ask("PUT", f"{path}/snapshots/2026-10-31", {"features": LEAVING}),
                ):
                    assert answer.status in {200, 201}, answer

    await asyncio.gather(*(lay() for _ in range(LAYING)))
    world.peopled = True


def compare(world: World, ledger: Ledger) -> Findings:
    """Hold the ledger against the store, and the failures against the log."""
    stored: Counter[str] = Counter()
    with world.store() as store:
        for question in MARKS.values():
            stored |= Counter(dict(store.execute(question.encode()).fetchall()))
    logged = world.log.read_text(errors="replace")
    return Findings(
        lost=sum(entry.acknowledged is not None and not stored[entry.mark] for entry in ledger.entries),
        duplicated=sum(times > 1 for times in stored.values()),
        diverged=len(ledger.diverged),
        refused_but_stored=sum(entry.refused is not None and stored[entry.mark] > 0 for entry in ledger.entries),
        unexpected=ledger.statuses[500],
        unlogged=sum(f'"{failed}"' not in logged for failed in ledger.failed_ids),
    )
