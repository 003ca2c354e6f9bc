"""Try rules before they are published: what the whole stored base would be decided by those in force, and by others.

Both sides start the same day with an empty ledger, and decide about the same people in the same order.
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.decisions.context import DecisionContext, Ledger
from app.domain.decisions.engine import Chosen, decide
from app.domain.decisions.guard import cost_of, giveaway_of
from app.domain.decisions.holdout import draw
from app.domain.decisions.value import Value, churn_within
from app.domain.interactions import Channel, Direction
from app.errors import Invalid
from app.models import Subscriber
from app.schemas.actions import ActionWrite
from app.schemas.decisions import DecisionCreate
from app.schemas.policies import PolicyRules
from app.services import policies
from app.services.actions import columns_of
from app.services.decision_contexts import Deciding, gather
from app.services.policies import Document, Rulebook

CHUNK: Final = 200
HORIZON_DAYS: Final = 30
NOBODY: Final = UUID(int=0)
NO_ACTION: Final = "no action"


@dataclass(frozen=True, slots=True)
class Spot:
    """One choice on the frontier: what it is expected to cost in all, and how many churners it prevents."""

    cost: float
    prevented: float


@dataclass(slots=True)
class Side:
    """What one set of rules would do to the base."""

    rules: Rulebook
    ledger: Ledger
    chosen: Counter[str] = field(default_factory=Counter)
    held_out: int = 0
    refused_by: Counter[str] = field(default_factory=Counter)
    prevented: float = 0.0
    value: Decimal = Decimal(0)
    spots: list[Spot] = field(default_factory=list)

    def decide(self, context: DecisionContext, person: str) -> str:
        """Decide about one person by these rules; returns the code of what they get."""
        own = replace(
            context,
            catalogue=self.rules.catalogue,
            policy=self.rules.policy,
            ledger=self.ledger,
            draw=draw(person, self.rules.policy.holdout_name),
        )
        verdicts = decide(own)
        self.held_out += verdicts.arm.value == "holdout"
        self.refused_by.update(entry.code for entry in verdicts.trace if entry.step.value in {"guard", "limit"})
        if not verdicts.chosen:
            self.chosen[NO_ACTION] += 1
            return NO_ACTION
        best = verdicts.chosen[0]
        self._count(best)
        return best.action.code

    def _count(self, best: Chosen) -> None:
        action, value = best.action, best.value
        cost, given = cost_of(value), giveaway_of(action, value)
        self.chosen[action.code] += 1
        self.prevented += value.uplift
        self.value += value.expected_value
        self.spots.append(Spot(float(cost + _diluted(value)), value.uplift))
        self.ledger = replace(
            self.ledger,
            used={**self.ledger.used, action.code: self.ledger.used.get(action.code, 0) + 1},
            spent_today=self.ledger.spent_today + cost,
            given_away=self.ledger.given_away + given,
        )

    def frontier(self) -> list[Spot]:
        """Churners prevented by money spent, when the best bargains are taken first."""
        cost = prevented = 0.0
        found = [Spot(0.0, 0.0)]
        for spot in sorted(self.spots, key=lambda spot: -spot.prevented / max(spot.cost, 1e-9)):
            cost, prevented = cost + spot.cost, prevented + spot.prevented
            found.append(Spot(cost, prevented))
        return found


def _diluted(value: Value) -> Decimal:
    return Decimal(repr(value.p_accept)) * value.dilution


@dataclass(slots=True)
class Trial:
    """Both sides, and who moved from which action to which."""

    now: Side
    then: Side
    subscribers: int = 0
    churners: float = 0.0
    moves: Counter[tuple[str, str]] = field(default_factory=Counter)

    def moved(self) -> list[tuple[tuple[str, str], int]]:
        """From which action to which other how many would go, the most first."""
        return [(pair, number) for pair, number in self.moves.most_common() if pair[0] != pair[1]]


@dataclass(frozen=True, slots=True)
class Tried:
    """What is tried: where we would speak to people, and how many of them at most."""

    channel: Channel
    direction: Direction
    at_most: int | None


def changed_document(published: Document, changes: Mapping[str, Any]) -> Document:
    """Lay changes over what is published: `rules` field by field, `actions` by code, where null takes one away.

    Raises Invalid naming what does not fit.
    """
    if unknown := sorted(set(changes) - {"rules", "actions"}):
        raise Invalid(f"{unknown[0]} is not known; a change has rules and actions")
    rules = published["rules"] | dict(changes.get("rules") or {})
    actions = {action["code"]: action for action in published["actions"]}
    for code, change in dict(changes.get("actions") or {}).items():
        if change is None:
            actions.pop(code, None)
        else:
            written = ActionWrite.model_validate(_as_written(actions.get(code)) | change)
            actions[code] = policies.as_document(columns_of(written) | {"code": code})
    return {
        "actions": [actions[code] for code in sorted(actions)],
        "rules": PolicyRules.model_validate(rules).model_dump(mode="json"),
    }


def _as_written(stored: Mapping[str, Any] | None) -> dict[str, Any]:
    if stored is None:
        return {}
    same = {name: stored[name] for name in ActionWrite.model_fields if name in stored}
    return same | {"effect_prior": {"mean": stored["effect_mean"], "sd": stored["effect_sd"]}}


async def run(deciding: Deciding, then: Rulebook, tried: Tried, show: Callable[[float], object]) -> Trial:
    """Decide about everybody who is active, by the rules in force and by others; `show` takes the share done, 0…1."""
    session = deciding.session
    published = await policies.current(session)
    now = await policies.find_rulebook(session, published.version, deciding.settings.language)
    active = select(func.count()).select_from(Subscriber).where(*_ACTIVE)
    everybody = min(await session.scalar(active) or 0, tried.at_most or 2**62)
    trial: Trial | None = None
    async for subscriber in _active(session, tried.at_most):
        question = DecisionCreate(
            subscriber_id=subscriber.subscriber_id, channel=tried.channel, direction=tried.direction, limit=1
        )
        gathered = await gather(deciding, question, None)
        context = gathered.context
        if trial is None:
            empty = Ledger({}, Decimal(0), Decimal(0), context.ledger.base)
            trial = Trial(Side(now, empty), Side(then, empty))
        trial.subscribers += 1
        trial.churners += churn_within(context.churn, HORIZON_DAYS) if context.churn else 0.0
        person = subscriber.subscriber_id
        trial.moves[trial.now.decide(context, person), trial.then.decide(context, person)] += 1
        if trial.subscribers % CHUNK == 0:
            show(trial.subscribers / everybody)
    if trial is None:
        raise Invalid("there is nobody to decide about: import subscribers first")
    return trial


_ACTIVE: Final = (Subscriber.status == "active", Subscriber.merged_into.is_(None))


async def _active(session: AsyncSession, at_most: int | None) -> AsyncIterator[Subscriber]:
    after, seen = "", 0
    while True:
        query = select(Subscriber).where(*_ACTIVE, Subscriber.subscriber_id > after).order_by(Subscriber.subscriber_id)
        page = (await session.scalars(query.limit(CHUNK))).all()
        for subscriber in page:
            if at_most is not None and seen >= at_most:
                return
            seen += 1
            yield subscriber
        if len(page) < CHUNK:
            return
        after = page[-1].subscriber_id
        session.expunge_all()
