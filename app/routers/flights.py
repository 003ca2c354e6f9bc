"""Writes of one route that arrive together are committed together, and each is answered after its commit.

Plain is a key that was verified lately, which reaches everybody, and a body that is right. While two groups are being
committed the next one gathers. What a group finds to be nothing plainly new (a repetition, somebody unknown) is left to
the route, and so are all its members where their transaction fails for what may be one member's fault.
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from pydantic import BaseModel, ValidationError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.types import ASGIApp, Scope

from app.db import WAITING_SHARE, OutOfTime, transaction, within
from app.domain.access import Caller
from app.errors import AppError, Unavailable
from app.routers import strict_json
from app.routers.deps import Resources
from app.routers.edge import tell_rate
from app.routers.lanes import FastLane, Headers, Made, known_caller, plain_headers, settle
from app.services import idempotency
from app.services.arrivals import Arrival, Desk
from app.services.idempotency import Answer, Write

LONGEST_KEY: Final = 255
MOST_WAITING: Final = 1_024
GROUPS: Final = 2  # in flight
_KEY: Final = b"idempotency-key"


class Passenger(NamedTuple):
    """Somebody's write, and who waits for its answer since when, by the loop's clock."""

    caller: Caller
    arrival: Arrival
    since: float
    answer: asyncio.Future[Any]


class JointLane(FastLane):
    """The fast lane of a route whose writes leave together, at most so many in a group."""

    scope: str
    schema: type[BaseModel]
    most_together: int

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app)
        self._flights: Flights | None = None

    async def write(
        self, session: AsyncSession, resources: Resources, desk: Desk, arrived: Sequence[Arrival]
    ) -> Sequence[Any]:
        """Make a group's writes, and return what became of each: None for what is the route's."""
        raise NotImplementedError

    def landed(self, resources: Resources, told: Any) -> Answer:  # noqa: ARG002  # for a lane that counts what it did
        """Return the answer to what was committed."""
        answer: Answer = told
        return answer

    async def made(self, scope: Scope, body: bytes) -> Made | None:
        resources: Resources = scope["state"]["resources"]
        headers = plain_headers(scope)
        now = time.monotonic()
        caller = headers and known_caller(headers, resources, self.scope, datetime.now(UTC), now)
        if not headers or not caller or caller.reach.is_bounded or scope["query_string"]:
            return None
        flights = self._flights = self._flights or Flights(resources, self)
        arrival = self._arrival(scope, headers, caller, body)
        if arrival is None or flights.is_full:
            return None
        told = await flights.join(caller, arrival)
        if told is None:
            return None
        if resources.rates.limit:
            tell_rate(scope, resources.rates.limit, resources.rates.take(caller.id, now))
        answer = self.landed(resources, told)
        return Made(answer.status, answer.body, [(b"location", answer.headers["location"].encode())])

    def _arrival(self, scope: Scope, headers: Headers, caller: Caller, body: bytes) -> Arrival | None:
        """Read a plain body; None for one that is not."""
        key = headers.get(_KEY)
        if key is not None and not 0 < len(key) <= LONGEST_KEY:
            return None
        try:
            said = self.schema.model_validate(strict_json.parse(body))
        except (AppError, ValidationError):
            return None
        write = None
        if key is not None:
            content = f"POST {scope['path']}?\n".encode() + body
            write = Write(caller.id, self.route.operation_id, key.decode("latin-1"), content)
        return Arrival(said, write, scope["state"]["request_id"])


class Flights:
    """Gathers writes while others are being committed.

    Everybody is answered by their deadline and is right to believe it: who has waited too long in line does not go, and
    a group that goes has as long as its first member has left. So nothing is recorded of which its caller was told no.
    """

    def __init__(self, resources: Resources, lane: JointLane) -> None:
        self._resources = resources
        self._lane = lane
        self._seconds = resources.settings.deadline_seconds
        self._waiting: deque[Passenger] = deque()
        self._flying: set[asyncio.Task[None]] = set()
        self._called = False

    @property
    def is_full(self) -> bool:
        return len(self._waiting) >= MOST_WAITING

    def join(self, caller: Caller, arrival: Arrival) -> asyncio.Future[Any]:
        """Return what is to become of it: None, if this is the route's to answer."""
        loop = asyncio.get_running_loop()
        passenger = Passenger(caller, arrival, loop.time(), loop.create_future())
        self._waiting.append(passenger)
        self._call()
        return passenger.answer

    def _call(self, _: object = None) -> None:
        """Have a group leave when all that came in this turn of the event loop are there."""
        if self._waiting and not self._called and len(self._flying) < GROUPS:
            self._called = True
            asyncio.get_running_loop().call_soon(self._leave)

    def _leave(self) -> None:
        self._called = False
        group = self._next_group()
        if not group:
            return
        flight = asyncio.create_task(self._fly(group))
        self._flying.add(flight)
        flight.add_done_callback(self._flying.discard)
        flight.add_done_callback(self._call)
        self._call()

    def _next_group(self) -> list[Passenger]:
        """Take the first in line and those of the same caller behind them, as far as they have time left."""
        latest = asyncio.get_running_loop().time() - self._seconds * WAITING_SHARE
        group: list[Passenger] = []
        while self._waiting and len(group) < self._lane.most_together:
            if group and self._waiting[0].caller != group[0].caller:
                break
            passenger = self._waiting.popleft()
            if passenger.since < latest:
                settle(passenger.answer, OutOfTime("the answer would have taken too long; try again shortly"))
            elif not passenger.answer.done():
                group.append(passenger)
        return group

    async def _fly(self, group: list[Passenger]) -> None:
        told: Sequence[Any]
        try:
            told = await self._write(group)
        except Unavailable as error:
            told = [error] * len(group)
        except Exception:  # noqa: BLE001  # one member may be to blame: each is tried by itself, and told what ails it
            told = [None] * len(group)
        for passenger, one in zip(group, told, strict=True):
            settle(passenger.answer, one)

    async def _write(self, group: list[Passenger]) -> Sequence[Any]:
        resources = self._resources
        left = group[0].since + self._seconds - asyncio.get_running_loop().time()
        at = datetime.now(UTC)
        since = idempotency.kept_since(at, resources.settings.idempotency_hours)
        desk = Desk(resources.vault, group[0].caller, self._lane.route.operation_id, at, since)
        async with within(left), transaction(resources.sessions) as session:
            return await self._lane.write(session, resources, desk, [passenger.arrival for passenger in group])
