"""A month of front-line work for the demo, generated and said to be: contacts, complaints, callbacks, answers.

Everything goes through the services, so that the demo obeys the same rules as an operator's own data. The same seed
gives the same month; only the days move with today's date.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import Sessions, transaction
from app.domain.access import Caller
from app.domain.working_time import WorkingCalendar
from app.models import Complaint, Subscriber
from app.schemas.complaints import ComplaintCreate
from app.schemas.interactions import InteractionCreate
from app.schemas.surveys import SurveyResponseCreate
from app.services import complaints, interactions, surveys, tasks
from app.services.complaints import Desk
from app.vault import Vault

CALLER: Final = "demo, generated"
SEED: Final = 20261126
CONTACTED: Final = 1200
COMPLAINING: Final = 140
ANSWERING: Final = 260
OUTSIDERS: Final = 120
DAYS: Final = 30
AGENTS: Final = tuple(f"agent-{number:02}" for number in range(1, 13))
TEAMS: Final = ("north", "south", "retention")
_BATCH: Final = 500
_COMPLAINED_AT: Final = ((("hotline", "call"), ("shop_counter", "shop"), ("app_selfcare", "app")), (6, 2, 2))

# How often, where and by which channel, what they came for, what they wanted.
_CONTACTS: Final[tuple[tuple[int, str, str, str, str], ...]] = (
    (20, "hotline", "call", "The bill is higher than last month", "Explain the extra charge"),
    (12, "hotline", "call", "Calls drop on the way to work", "Make it work again"),
    (10, "hotline", "call", "The contract ends soon", "Which plans have more data"),
    (6, "hotline", "call", "A friend pays less with another operator", "I want my porting code"),
    (10, "shop_counter", "shop", "The handset is three years old", "Which device comes with a new contract"),
    (8, "shop_counter", "shop", "Moving house", "Please renew the broadband order at the new address"),
    (14, "app_selfcare", "app", "Looked at the tariff page", "A cheaper plan"),
    (8, "web_selfcare", "web", "Slow internet in the evening", "A technician"),
    (6, "hotline", "call", "Third time I call about this", "Somebody who takes care of it"),
    (6, "shop_counter", "shop", "New in town", "Activate roaming for a trip"),
)
_COMPLAINTS: Final[tuple[tuple[str, str | None, str], ...]] = (
    ("network", "dropped_calls", "Calls drop every evening"),
    ("network", "slow_data", "Pages take minutes to load after work"),
    ("network", "outage", "No network at all since yesterday"),
    ("billing", None, "Charged for a service that was cancelled"),
    ("service", None, "Nobody called back as promised"),
    ("device", None, "The router restarts by itself"),
    ("contract", None, "The discount ended without notice"),
)
_SOLUTIONS: Final = {
    "network": ("Cell overloaded in the evening", "Second carrier switched on"),
    "billing": ("Cancellation was not passed on to billing", "Credited, and the service removed"),
    "service": ("The callback was handed on and forgotten", "Called, apologised, settled the question"),
    "device": ("Faulty firmware", "Router exchanged"),
    "contract": ("Notice went to an old address", "Discount prolonged by three months"),
}
_EXPECTED: Final = (("reliability", 9, 7), ("responsiveness", 9, 6), ("empathy", 8, 5), ("assurance", 8, 6))


@dataclass(frozen=True, slots=True)
class Month:
    """Whose month, with which keys, up to when."""

    sessions: Sessions
    vault: Vault
    calendar: WorkingCalendar
    caller: Caller
    at: datetime

    def desk(self, at: datetime) -> Desk:
        return Desk(self.caller, self.vault, self.calendar, at)


async def live(month: Month, subscriber_ids: Sequence[str]) -> None:
    """Let a month pass for some of these subscribers."""
    chance = random.Random(SEED)  # noqa: S311  # made-up contacts, not secrets
    chosen = chance.sample(sorted(subscriber_ids), min(CONTACTED, len(subscriber_ids)))
    contacts = [contact for id in chosen for contact in _contacts(chance, id, month.at)]
    for first in range(0, len(contacts), _BATCH):
        async with transaction(month.sessions) as session:
            some = contacts[first : first + _BATCH]
            await interactions.record_interactions(session, month.vault, month.caller, some, month.at)
    async with transaction(month.sessions) as session:
        await _follow_up(session, month, chance)
    for id in chosen[:COMPLAINING]:
        async with transaction(month.sessions) as session:
            await _complain(session, month, chance, id)
    for id in chosen[COMPLAINING:][:ANSWERING]:
        async with transaction(month.sessions) as session:
            await _answer(session, month, chance, id)
    async with transaction(month.sessions) as session:
        for _ in range(OUTSIDERS):
            await _answer(session, month, chance, None)


def _moment(chance: random.Random, at: datetime) -> datetime:
    return at - timedelta(days=chance.random() * DAYS, minutes=5)


def _contacts(chance: random.Random, subscriber_id: str, at: datetime) -> Iterator[InteractionCreate]:
    for _ in range(chance.choices((1, 2, 3, 5), (6, 4, 2, 1))[0]):
        _, touchpoint, channel, reason, request = chance.choices(_CONTACTS, [often for often, *_ in _CONTACTS])[0]
        unhappy = chance.random() < 0.3  # noqa: PLR2004  # about as often as people call with a smile missing
        told: dict[str, Any] = {
            "subscriber_id": subscriber_id,
            "touchpoint": touchpoint,
            "channel": channel,
            "direction": "inbound",
            "occurred_at": _moment(chance, at).isoformat(),
            "reason": reason,
            "request": request,
            "agent_id": chance.choice(AGENTS) if channel in {"call", "shop"} else None,
            "sentiment": "negative" if unhappy else chance.choice(("neutral", "positive")),
            "rating": chance.randint(2, 5) if unhappy else chance.randint(6, 10),
            "duration_seconds": chance.randint(40, 900) if channel == "call" else None,
        }
        if "renew" in request:
            refused = chance.random() < 0.4  # noqa: PLR2004  # broadband is scarce in places
            told |= {"order_outcome": "refused" if refused else "completed", "phase": "during_sale"}
            told |= {"refusal_reason": chance.choice(("no_port", "no_line"))} if refused else {}
        yield InteractionCreate.model_validate(told)


async def _follow_up(session: AsyncSession, month: Month, chance: random.Random) -> None:
    """Settle most of what fell due before yesterday."""
    asked = tasks.wanted(kind="follow_up", status="open")
    for task, subscriber in await tasks.list_tasks(session, *asked, after=None, limit=5 * CONTACTED):
        if task.due_at < month.at - timedelta(days=1) and chance.random() < 0.95:  # noqa: PLR2004  # some are forgotten
            settled_at = task.due_at - timedelta(hours=chance.randint(0, 12))
            tasks.update_task(task, subscriber, month.vault, month.caller, {"status": "done"}, settled_at)


async def _complain(session: AsyncSession, month: Month, chance: random.Random, subscriber_id: str) -> None:
    """Open a complaint in the past; hand some on, solve most, and ask some of those whether it helped."""
    kind, fault, words = chance.choice(_COMPLAINTS)
    touchpoint, channel = chance.choices(*_COMPLAINED_AT)[0]
    opened_at = _moment(chance, month.at)
    body = {
        "subscriber_id": subscriber_id,
        "touchpoint": touchpoint,
        "channel": channel,
        "occurred_at": opened_at.isoformat(),
        "type": kind,
        "network_fault_type": fault,
        "description": words,
        "owner": chance.choice(AGENTS),
        "team": chance.choice(TEAMS),
    }
    desk = month.desk(opened_at + timedelta(minutes=3))
    complaint, subscriber, _ = await complaints.open_complaint(session, desk, ComplaintCreate.model_validate(body))
    for _ in range(chance.choices((0, 1, 2, 3), (10, 4, 2, 1))[0]):
        desk = replace(desk, at=desk.at + timedelta(hours=chance.randint(1, 6)))
        await complaints.update_complaint(session, desk, complaint, subscriber, {"owner": chance.choice(AGENTS)})
    solved_at = desk.at + timedelta(hours=chance.randint(1, 60))
    if solved_at < month.at:
        await _solve(session, month.desk(solved_at), chance, complaint, subscriber)
        await _call_back(session, month, chance, complaint)


async def _solve(
    session: AsyncSession, desk: Desk, chance: random.Random, complaint: Complaint, subscriber: Subscriber
) -> None:
    cause, action = _SOLUTIONS[complaint.type]
    solved = {"status": "resolved", "root_cause": cause, "action_taken": action}
    await complaints.update_complaint(session, desk, complaint, subscriber, solved)
    if chance.random() < 0.5:  # noqa: PLR2004  # the others have not said yet
        closed = {"status": "closed", "subscriber_confirmed": True}
        await complaints.update_complaint(session, desk, complaint, subscriber, closed)


async def _call_back(session: AsyncSession, month: Month, chance: random.Random, complaint: Complaint) -> None:
    asked_at = complaint.resolved_at and complaint.resolved_at + timedelta(hours=chance.randint(4, 90))
    if asked_at is None or asked_at >= month.at or chance.random() < 0.3:  # noqa: PLR2004  # not everybody is reached
        return
    rows = await tasks.list_tasks(session, *tasks.wanted(subscriber_id=complaint.subscriber_id), after=None, limit=50)
    callback = next(task for task, _ in rows if task.source_id == complaint.id)
    score = chance.choices((2, 4, 6, 8, 9), (1, 2, 3, 6, 6))[0]
    body = {
        "family": "internal",
        "survey": "after-service",
        "subscriber_id": complaint.subscriber_id,
        "touchpoint": "callback",
        "channel": chance.choice(("call", "sms", "letter", "visit")),
        "answered_at": asked_at.isoformat(),
        "answers": [{"item": "solved", "dimension": "reliability", "score": score}],
        "agent_id": chance.choice(AGENTS),
        "role": "customer_service",
        "callback_id": callback.id,
    }
    await surveys.record_response(session, month.desk(asked_at), SurveyResponseCreate.model_validate(body))


async def _answer(session: AsyncSession, month: Month, chance: random.Random, subscriber_id: str | None) -> None:
    """Record an answer when a desk comes to it: mostly on the same day, now and then later."""
    said = _answers(chance, subscriber_id, month.at)
    recorded_at = said.answered_at + timedelta(hours=chance.choices((0, 3, 20, 40), (6, 4, 2, 1))[0])
    await surveys.record_response(session, month.desk(min(recorded_at, month.at)), said)


def _answers(chance: random.Random, subscriber_id: str | None, at: datetime) -> SurveyResponseCreate:
    """What somebody wished for, what would have done, and what they found."""
    outside = subscriber_id is None
    items = [
        {
            "item": dimension,
            "dimension": dimension,
            "ideal": min(10, ideal + chance.randint(0, 1)),
            "adequate": adequate,
            "perceived": max(1, min(10, round(chance.gauss(adequate + 1.2, 1.4)))),
        }
        for dimension, ideal, adequate in _EXPECTED
    ]
    return SurveyResponseCreate.model_validate(
        {
            "family": "external" if outside else "internal",
            "survey": "market-study" if outside else "after-service",
            "subscriber_id": subscriber_id,
            "touchpoint": chance.choice(("hotline", "shop_counter", "app_selfcare", "monthly_bill")),
            "channel": chance.choice(("call", "sms", "visit")),
            "answered_at": _moment(chance, at).isoformat(),
            "answers": items,
            "role": None
            if outside
            else chance.choice(("front_desk_supervisor", "service_advisor", "customer_service")),
            "agent_id": None if outside else chance.choice(AGENTS),
        }
    )
