"""What decisions use up: an action's capacity, the day's money, the month's revenue. Exact, whoever decides at once.

Each choice is a reservation. The database keeps the running totals by them, at the very commit, and refuses a commit
that would take more than there is: then it is decided anew. Only what a rule limits is held: as expected at first; in
full when it is accepted; given back when it is declined, or when the same person is decided about anew.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import Sessions, at_leisure, driver, transaction
from app.domain.decisions.context import Base, DecisionContext, Ledger
from app.domain.decisions.engine import Chosen
from app.domain.decisions.guard import arpu_room, cost_of, giveaway_of, spending_of
from app.domain.outcomes import OutcomeKind
from app.models import Decision, Reservation
from app.settings import Settings

CAPACITY: Final = "capacity"
MONEY: Final = "money"
ARPU: Final = "arpu"
ALL: Final = "all"
OPEN: Final = "open"
ACCEPTED: Final = "accepted"
RELEASED: Final = "released"


@dataclass(frozen=True, slots=True)
class Held:
    """What one earlier choice holds of the ledger."""

    action: str
    day: date
    uses: int
    cost: Decimal
    given_away: Decimal


_RELEASE: Final = """
    UPDATE reservations SET state = 'released', uses = 0, cost = 0, given_away = 0, settled_at = now()
    WHERE state = 'open' AND pseudonym = ANY($1::uuid[])
"""
_NUMBER: Final = """
    CASE jsonb_typeof(f.features -> CAST(:{0} AS text))
    WHEN 'number' THEN CAST(f.features ->> CAST(:{0} AS text) AS numeric) END
"""
_MEASURE: Final = """
    INSERT INTO arpu_bases (measured_at, subscribers, monthly_revenue)
    SELECT now(), count(*), sum(revenue) FROM (
        SELECT DISTINCT ON (f.subscriber_id) {revenue} AS revenue
        FROM feature_snapshots f JOIN subscribers s USING (subscriber_id)
        WHERE s.status = 'active' AND s.merged_into IS NULL ORDER BY f.subscriber_id, f.as_of DESC
    ) known WHERE revenue IS NOT NULL HAVING count(*) > 0 RETURNING subscribers
"""


def month_of(day: date) -> date:
    return day.replace(day=1)


def read(entries: Sequence[Sequence[str]], base: Sequence[Any] | None, held: Iterable[Held], today: date) -> Ledger:
    """Make the engine's ledger of today's totals, less what this very person holds of them."""
    totals: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for kind, key, total in entries:
        totals[kind, key] += Decimal(total)
    for one in held:
        if one.day == today:
            totals[CAPACITY, one.action] -= one.uses
            totals[MONEY, ALL] -= one.cost
        if month_of(one.day) == month_of(today):
            totals[ARPU, ALL] -= one.given_away
    return Ledger(
        used={key: int(used) for (kind, key), used in totals.items() if kind == CAPACITY},
        spent_today=totals[MONEY, ALL],
        given_away=totals[ARPU, ALL],
        base=Base(int(base[0]), Decimal(base[1])) if base else None,
    )


async def release(session: AsyncSession, pseudonyms: Sequence[str]) -> None:
    """Close what earlier decisions about a person still hold: they have been decided about anew."""
    await (await driver(session)).execute(_RELEASE, pseudonyms)


def reservations(context: DecisionContext, chosen: Sequence[Chosen], today: date) -> list[dict[str, Any]]:
    """Tell what each chosen action holds of what is limited, and what it costs if it is taken up."""
    budget, room = context.policy.daily_budget, arpu_room(context.policy, context.ledger)
    return [_reservation(best, today, budget, room) for best in chosen]


def _reservation(best: Chosen, today: date, budget: Decimal | None, room: Decimal | None) -> dict[str, Any]:
    action, value, nothing = best.action, best.value, Decimal(0)
    return {
        "action": action.code,
        "day": today,
        "state": OPEN,
        "uses": int(action.capacity_per_day is not None),
        "cost": nothing if budget is None else cost_of(value),
        "given_away": nothing if room is None else giveaway_of(action, value),
        "full_cost": value.contact_cost + value.accept_cost,
        "full_giveaway": action.monthly_giveaway,
        "spending": spending_of(value),
        "most_uses": action.capacity_per_day,
        "most_cost": budget,
        "most_given_away": room,
    }


async def settle(session: AsyncSession, decision: Decision, action: str, outcome: OutcomeKind, at: datetime) -> None:
    """Settle what a decided action holds by what became of it: "later" and its result leave it as it is."""
    if outcome not in {OutcomeKind.ACCEPTED, OutcomeKind.DECLINED, OutcomeKind.NO_RESPONSE}:
        return
    held = await session.get(Reservation, (decision.pseudonym, decision.id, action), with_for_update=True)
    if held is None:
        return
    taken, nothing = outcome is OutcomeKind.ACCEPTED, Decimal(0)
    held.state = ACCEPTED if taken else RELEASED
    held.uses = int(taken and held.most_uses is not None)
    held.cost = held.full_cost if taken and held.most_cost is not None else nothing
    held.given_away = held.full_giveaway if taken and held.most_given_away is not None else nothing
    held.settled_at = at
    await session.flush()


def number_sql(parameter: str) -> str:
    """Say in SQL what a snapshot `f` holds as a number under the feature that this parameter names."""
    return _NUMBER.format(parameter)


def revenue_sql(settings: Settings) -> tuple[str, dict[str, str]]:
    """Say in SQL what a snapshot `f` tells of the revenue a month, with the parameters it takes."""
    names = {f"revenue_{number}": name for number, name in enumerate(settings.revenue_features)}
    return f"coalesce({', '.join(map(number_sql, names))})", names


async def measure_base(sessions: Sessions, settings: Settings) -> int:
    """Measure how many active subscribers there are with a known revenue, and that revenue; returns how many."""
    revenue, names = revenue_sql(settings)
    measure = text(_MEASURE.format(revenue=revenue))
    async with transaction(sessions) as session:
        await at_leisure(session)
        return int(await session.scalar(measure, names) or 0)
