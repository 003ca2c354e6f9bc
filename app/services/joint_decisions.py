"""Decisions that are asked for together, made and recorded in one transaction: of different people, each by itself.

Only what is plainly new is decided so. Who is being decided about right now, or was a moment ago, is left to the
transaction of its own that has the rules for it.
"""

from collections.abc import Sequence
from typing import NamedTuple

from app.errors import AppError
from app.schemas.decisions import DecisionCreate
from app.services import arrivals, decisions
from app.services.access import require_agent
from app.services.arrivals import Arrival, Desk
from app.services.decision_answers import as_told
from app.services.decision_contexts import Deciding, Gathered, gather
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
    made: dict[int, Decided] = {}
    for place in new:
        question: DecisionCreate = arrived[place].body
        # Of several about one person the first is meant: the others depend on what it holds.
        if question.subscriber_id in free:
            free.remove(question.subscriber_id)
            if decided := await _decide(deciding, desk, question):
                made[place] = decided
    if not made:
        return [None] * len(arrived)
    await decisions.record(session, [one.made for one in made.values()])
    answers = {place: one.answer for place, one in made.items()}
    pseudonyms = {arrived[place].body.subscriber_id: one.made.row["pseudonym"] for place, one in made.items()}
    await arrivals.keep(session, desk, answers, arrived, pseudonyms)
    return [made.get(place) for place in range(len(arrived))]


async def _decide(deciding: Deciding, desk: Desk, question: DecisionCreate) -> Decided | None:
    try:
        owner = require_agent(desk.caller, question.owner)
    except AppError:
        return None
    gathered = await gather(deciding, question, owner)
    if decisions.recent_of(gathered):
        return None
    made = await decisions.make(deciding, desk.caller, question, gathered)
    headers = {"content-type": "application/json", "location": f"/v1/decisions/{made.answer['decision_id']}"}
    answer = Answer(201, headers, as_told(question.subscriber_id, made.answer, made.stored))
    return Decided(answer, made, gathered)
