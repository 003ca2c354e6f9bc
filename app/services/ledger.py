"""What decisions use up: an action's capacity, the day's money, the month's revenue. Exact, whoever decides at once.

A running total is one row, changed last in a transaction, and only where a rule limits it. What a decision takes is
taken as expected, and settled by what becomes of it: in full when it is accepted, given back when it is declined or
when the same person is decided about anew.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import Sessions, driver, transaction
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
OPEN, ACCEPTED, RELEASED = "open", "accepted", "released"


class Place(NamedTuple):
    """One running total."""

    kind: str
    key: str
    period: date


Amounts = Mapping[Place, Decimal]


@dataclass(frozen=True, slots=True)
class Held:
    """What one earlier choice holds of the ledger."""

    action: str
    day: date
    uses: int
    cost: Decimal
    given_away: Decimal

    @property
    def amounts(self) -> Amounts:
        return {
            Place(CAPACITY, self.action, self.day): Decimal(self.uses),
            Place(MONEY, ALL, self.day): self.cost,
            Place(ARPU, ALL, month_of(self.day)): self.given_away,
        }


_ADD: Final = """
    INSERT INTO ledger_entries (kind, key, period, amount)
    SELECT * FROM unnest($1::text[], $2::text[], $3::date[], $4::numeric[])
    ON CONFLICT (kind, key, period) DO UPDATE SET amount = ledger_entries.amount + excluded.amount
    RETURNING kind, key, period, amount
"""
_RELEASE: Final = """
    UPDATE reservations SET state = 'released', settled_at = now() WHERE state = 'open' AND pseudonym = ANY($1::uuid[])
"""
_REVENUE: Final = """
    CASE jsonb_typeof(f.features -> CAST(:{0} AS text))
    WHEN 'number' THEN CAST(f.features ->> CAST(:{0} AS text) AS numeric) END
"""
_MEASURE: Final = """
    INSERT INTO arpu_bases (measured_at, subscribers, monthly_revenue)
    SELECT now(), count(*), sum(revenue) FROM (
        SELECT DISTINCT ON (f.subscriber_id) coalesce({revenue}) AS revenue
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
    for place, amount in _sum(held).items():
        if place.period == (month_of(today) if place.kind == ARPU else today):
            totals[place.kind, place.key] -= amount
    return Ledger(
        used={key: int(used) for (kind, key), used in totals.items() if kind == CAPACITY},
        spent_today=totals[MONEY, ALL],
        given_away=totals[ARPU, ALL],
        base=Base(int(base[0]), Decimal(base[1])) if base else None,
    )


def _sum(held: Iterable[Held]) -> defaultdict[Place, Decimal]:
    total: defaultdict[Place, Decimal] = defaultdict(Decimal)
    for one in held:
        for place, amount in one.amounts.items():
            total[place] += amount
    return total


def hold(context: DecisionContext, chosen: Iterable[Chosen], today: date) -> list[Held]:
    """Tell what the chosen actions take, of what is limited."""
    guarded = arpu_room(context.policy, context.ledger) is not None
    budgeted = context.policy.daily_budget is not None
    nothing = Decimal(0)
    return [
        Held(
            action=best.action.code,
            day=today,
            uses=int(best.action.capacity_per_day is not None),
            cost=cost_of(best.value) if budgeted else nothing,
            given_away=giveaway_of(best.action, best.value) if guarded else nothing,
        )
        for best in chosen
    ]


async def take(
    session: AsyncSession, context: DecisionContext, taken: Sequence[Held], given_back: Sequence[Held]
) -> Ledger | None:
    """Take from the totals and give back to them in one go; returns None, or how full they are if it was too late.

    Whatever was looked at when deciding, this is what holds: the rows stay locked until the transaction ends.
    """
    wanted, back = _sum(taken), _sum(given_back)
    change = {place: amount for place in wanted | back if (amount := wanted[place] - back[place])}
    totals = await _add(session, change)
    limits = _limits(context, wanted)
    if all(totals[place] <= limits[place] for place in change if change[place] > 0):
        return None
    await _add(session, {place: -amount for place, amount in change.items()})
    return _as_found(context.ledger, {place: total - wanted[place] for place, total in totals.items()})


def _limits(context: DecisionContext, places: Iterable[Place]) -> dict[Place, Decimal]:
    capacities = {action.code: action.capacity_per_day for action in context.catalogue}
    limits = {MONEY: context.policy.daily_budget, ARPU: arpu_room(context.policy, context.ledger)}
    of = {place: capacities.get(place.key) if place.kind == CAPACITY else limits[place.kind] for place in places}
    return {place: Decimal("Infinity") if limit is None else Decimal(limit) for place, limit in of.items()}


def _as_found(ledger: Ledger, totals: Amounts) -> Ledger:
    kinds = {place.kind: total for place, total in totals.items()}
    used = {place.key: int(total) for place, total in totals.items() if place.kind == CAPACITY}
    return replace(
        ledger,
        used={**ledger.used, **used},
        spent_today=kinds.get(MONEY, ledger.spent_today),
        given_away=kinds.get(ARPU, ledger.given_away),
    )


async def _add(session: AsyncSession, change: Amounts) -> dict[Place, Decimal]:
    if not change:
        return {}
    places = sorted(change)  # in one order for everybody, so that no two wait for each other
    kinds, keys, periods = (list(column) for column in zip(*places, strict=True))
    rows = await (await driver(session)).fetch(_ADD, kinds, keys, periods, [change[place] for place in places])
    return {Place(*row[:3]): row[3] for row in rows}


async def release(session: AsyncSession, pseudonyms: Sequence[str]) -> None:
    """Close what earlier decisions about a person still hold: they have been decided about anew."""
    await (await driver(session)).execute(_RELEASE, pseudonyms)


# What a reservation says beside whose it is, in the order of `reservations`, with the types of their columns.
RESERVED: Final = (
    ("action", "text"),
    ("day", "date"),
    ("uses", "int"),
    ("cost", "numeric"),
    ("given_away", "numeric"),
    ("full_cost", "numeric"),
    ("full_giveaway", "numeric"),
    ("spending", "numeric"),
)


def reservations(taken: Sequence[Held], chosen: Sequence[Chosen]) -> list[list[Any]]:
    """Tell, column by column, what each chosen action holds and what it will cost if it is taken up."""
    rows = [
        (
            held.action,
            held.day,
            held.uses,
            held.cost,
            held.given_away,
            best.value.contact_cost + best.value.accept_cost,
            best.action.monthly_giveaway,
            spending_of(best.value),
        )
        for held, best in zip(taken, chosen, strict=True)
    ]
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in RESERVED]


async def settle(session: AsyncSession, decision: Decision, action: str, outcome: OutcomeKind, at: datetime) -> None:
    """Settle what a decided action holds by what became of it: "later" and its result leave it as it is."""
    if outcome not in {OutcomeKind.ACCEPTED, OutcomeKind.DECLINED, OutcomeKind.NO_RESPONSE}:
        return
    key = (decision.pseudonym, decision.id, action)
    reservation = await session.get(Reservation, key, with_for_update=True)
    if reservation is None:
        return
    before = Held(action, reservation.day, reservation.uses, reservation.cost, reservation.given_away)
    taken = _sum([_in_full(before, reservation)] if outcome is OutcomeKind.ACCEPTED else [])
    back = _sum([before] if reservation.state == OPEN else [])
    await _add(session, {place: amount for place in taken | back if (amount := taken[place] - back[place])})
    reservation.state = ACCEPTED if outcome is OutcomeKind.ACCEPTED else RELEASED
    reservation.settled_at = at


def _in_full(held: Held, reservation: Reservation) -> Held:
    return replace(
        held,
        cost=reservation.full_cost if held.cost else held.cost,
        given_away=reservation.full_giveaway if held.given_away else held.given_away,
    )


async def measure_base(sessions: Sessions, settings: Settings) -> int:
    """Measure how many active subscribers there are with a known revenue, and that revenue; returns how many."""
    names = {f"revenue_{number}": name for number, name in enumerate(settings.revenue_features)}
    measure = text(_MEASURE.format(revenue=", ".join(map(_REVENUE.format, names))))
    async with transaction(sessions) as session:
        await session.execute(text("SET LOCAL statement_timeout = 0"))
        return int(await session.scalar(measure, names) or 0)
