"""The fast lane of POST /v1/interactions: contacts that arrive together are committed together, each answered after.

Plain is a key that was verified lately, which reaches everybody, and a body that is right. While two groups are being
committed the next one gathers. What a group finds to be no plain new contact (a repetition, somebody unknown) is left
to the route, and so are all its members where their transaction fails for what may be one member's fault.
"""

import asyncio
import time
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from pydantic import ValidationError
from pydantic_core import to_json
from starlette.types import ASGIApp, Scope

from app.db import WAITING_SHARE, OutOfTime, transaction, within
from app.domain.access import Caller
from app.errors import AppError, Unavailable
from app.routers import strict_json
from app.routers.deps import Resources
from app.routers.edge import tell_rate
from app.routers.interactions import router as contacts_router
from app.routers.lanes import FastLane, Headers, Made, known_caller, plain_headers, settle
from app.schemas.interactions import InteractionCreate, InteractionRead
from app.services import idempotency
from app.services.idempotency import Answer, Write
from app.services.joint_recording import OPERATION, Arrival, Recording, record_together

SCOPE: Final = "interactions:write"
LONGEST_KEY: Final = 255
MOST_TOGETHER: Final = 256
MOST_WAITING: Final = 1_024
GROUPS: Final = 2  # in flight
_KEY: Final = b"idempotency-key"


class Passenger(NamedTuple):
    """Somebody's contact, and who waits for its answer since when, by the loop's clock."""

    caller: Caller
    arrival: Arrival
    since: float
    answer: asyncio.Future[Answer | None]


class Groups:
    """Gathers contacts while others are being committed.

    Everybody is answered by their deadline and is right to believe it: who has waited too long in line does not go, and
    a group that goes has as long as its first member has left. So nothing is recorded of which its caller was told no.
    """

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._seconds = resources.settings.deadline_seconds
        self._waiting: deque[Passenger] = deque()
        self._flying: set[asyncio.Task[None]] = set()
        self._called = False

    @property
    def is_full(self) -> bool:
        return len(self._waiting) >= MOST_WAITING

    def join(self, caller: Caller, arrival: Arrival) -> asyncio.Future[Answer | None]:
        """Return the answer to come: None, if this is the route's to answer."""
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
        while self._waiting and len(group) < MOST_TOGETHER:
            if group and self._waiting[0].caller != group[0].caller:
                break
            passenger = self._waiting.popleft()
            if passenger.since < latest:
                settle(passenger.answer, OutOfTime("the answer would have taken too long; try again shortly"))
            elif not passenger.answer.done():
                group.append(passenger)
        return group

    async def _fly(self, group: list[Passenger]) -> None:
        told: Sequence[Answer | Exception | None]
        try:
            told = await self._record(group)
        except Unavailable as error:
            told = [error] * len(group)
        except Exception:  # noqa: BLE001  # one member may be to blame: each is tried by itself, and told what ails it
            told = [None] * len(group)
        for passenger, one in zip(group, told, strict=True):
            settle(passenger.answer, one)

    async def _record(self, group: list[Passenger]) -> list[Answer | None]:
        resources = self._resources
        left = group[0].since + self._seconds - asyncio.get_running_loop().time()
        at = datetime.now(UTC)
        since = idempotency.kept_since(at, resources.settings.idempotency_hours)
        recording = Recording(resources.vault, group[0].caller, at, since, _shown)
        async with within(left), transaction(resources.sessions) as session:
            return await record_together(session, recording, [passenger.arrival for passenger in group])


def _shown(row: Mapping[str, Any], contact: InteractionCreate) -> bytes:
    """Show a contact that was recorded a moment ago, in the words in which it came."""
    columns = {name: row[name] for name in InteractionRead.model_fields}
    return to_json(columns | {"reason": contact.reason, "request": contact.request})


class ContactLane(FastLane):
    route = next(each for each in contacts_router.routes if each.operation_id == OPERATION)  # type: ignore[attr-defined]  # all have one

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app)
        self._groups: Groups | None = None

    async def made(self, scope: Scope, body: bytes) -> Made | None:
        resources: Resources = scope["state"]["resources"]
        headers = plain_headers(scope)
        now = time.monotonic()
        caller = headers and known_caller(headers, resources, SCOPE, datetime.now(UTC), now)
        if not headers or not caller or caller.reach.is_bounded or scope["query_string"]:
            return None
        groups = self._groups = self._groups or Groups(resources)
        arrival = _arrival(scope, headers, caller, body)
        if arrival is None or groups.is_full:
            return None
        answer = await groups.join(caller, arrival)
        if answer is None:
            return None
        if resources.rates.limit:
            tell_rate(scope, resources.rates.limit, resources.rates.take(caller.id, now))
        return Made(answer.status, answer.body, [(b"location", answer.headers["location"].encode())])


def _arrival(scope: Scope, headers: Headers, caller: Caller, body: bytes) -> Arrival | None:
    """Read a plain contact; None for one that is not."""
    key = headers.get(_KEY)
    if key is not None and not 0 < len(key) <= LONGEST_KEY:
        return None
    try:
        contact = InteractionCreate.model_validate(strict_json.parse(body))
    except (AppError, ValidationError):
        return None
    write = None
    if key is not None:
        write = Write(caller.id, OPERATION, key.decode("latin-1"), f"POST {scope['path']}?\n".encode() + body)
    return Arrival(contact, write, scope["state"]["request_id"])
