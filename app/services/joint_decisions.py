"""Decisions that are asked for together, made and recorded in one transaction: of different people, each by itself.

Only what is plainly new is decided so. Who is being decided about right now, was decided about a moment ago, or holds
something of the ledger is left to the transaction of its own that has the rules for it.
"""

from collections.abc import Sequence
from typing import NamedTuple

from app.errors import AppError
from app.schemas.decisions import DecisionCreate
from app.services import arrivals, decisions
from app.services.access import require_agent
from app.services.arrivals import Arrival, Desk
from app.services.decision_answers import as_told
from app.services.decision_contexts import Asked, Deciding, Gathered, gather_each
from app.services.decisions import Made
from app.services.idempotency import Answer
from app.services.subscribers import hold_free


class Decided(NamedTuple):
    """A decision that was made and recorded, and what it was made on."""

    answer: Answer
    made: Made
    gathered: Gathered


async def decide_together(deciding: Deciding, desk: Desk, arrived: Sequence[Arrival]) -> list[Decided | None]:
    """Decide what is plainly new; returns each one's decision, and None for what is to be looked at by itself."""
    session = deciding.session
    new = await arrivals.find_new(session, arrived)
    free = await hold_free(session, {arrived[place].body.subscriber_id for place in new})
    asked = {place: one for place in new if (one := _asked(desk, arrived[place].body))}
    # Of several about one person the first is meant: the others depend on what it holds.
    first = {one.question.subscriber_id: place for place, one in reversed(asked.items())}
    places = [place for subscriber_id, place in first.items() if subscriber_id in free]
    if not places:
        return [None] * len(arrived)
    found = await gather_each(deciding, [asked[place] for place in places])
    made = {
        place: _decided(deciding, desk, asked[place].question, gathered)
        for place, gathered in zip(places, found, strict=True)
        if gathered and not gathered.held and decisions.recent_of(gathered) is None
    }
    await decisions.record(session, [one.made for one in made.values()])
    answers = {place: one.answer for place, one in made.items()}
    pseudonyms = {arrived[place].body.subscriber_id: one.made.row["pseudonym"] for place, one in made.items()}
    await arrivals.keep(session, desk, answers, arrived, pseudonyms)
    return [made.get(place) for place in range(len(arrived))]


def _asked(desk: Desk, question: DecisionCreate) -> Asked | None:
    try:
        return Asked(question, require_agent(desk.caller, question.owner))
    except AppError:
        return None


def _decided(deciding: Deciding, desk: Desk, question: DecisionCreate, gathered: Gathered) -> Decided:
    made = decisions.make(deciding, desk.caller, question, gathered)
    body = as_told(question.subscriber_id, made.answer, made.stored)
    headers = {"content-type": "application/json", "location": f"/v1/decisions/{made.answer['decision_id']}"}
    return Decided(Answer(201, headers, body), made, gathered)
