"""What a campaign brought: its members against its holdout, by what is recorded of them since it started."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain import evaluations as rules
from app.domain.campaigns import HOLDOUT, CampaignState
from app.domain.evaluations import Interval, Side
from app.domain.months import months_after
from app.errors import Conflict
from app.models import Action, Campaign
from app.services import campaigns
from app.services import evaluation_facts as facts
from app.services.ledger import revenue_sql
from app.settings import Settings

READINGS: Final = 3
BASELINE_DAYS: Final = 56
MOST_DAYS: Final = 120
CENT: Final = Decimal("0.01")
_WINDOW: Final = timedelta(days=1)


class CampaignNotStarted(Conflict):
    """The campaign has not been started: there is nothing to evaluate."""


@dataclass(frozen=True, slots=True)
class Evaluating:
    """A campaign that runs or has ended, and what it takes to evaluate it."""

    session: AsyncSession
    settings: Settings
    campaign: Campaign
    at: datetime

    @property
    def today(self) -> date:
        return self.settings.today(self.at)

    @property
    def asked(self) -> dict[str, Any]:
        return {"id": self.campaign.id, "horizon": self.campaign.horizon_days, "at": self.at}

    async def rows(self, query: Any, **others: Any) -> Sequence[Any]:
        return (await self.session.execute(query, self.asked | others)).all()


async def update_campaign(evaluating: Evaluating, changes: dict[str, Any]) -> None:
    """Change a campaign; one that ends keeps its result, which those who plan the next one find."""
    campaign = evaluating.campaign
    moved = await campaigns.update_campaign(evaluating.session, campaign, changes, evaluating.at, evaluating.today)
    if moved is CampaignState.ENDED:
        campaign.result = kept(await evaluate(evaluating))
        await evaluating.session.flush()


async def evaluate(evaluating: Evaluating) -> dict[str, Any]:
    """Evaluate a campaign as of now. Raises CampaignNotStarted."""
    campaign, at = evaluating.campaign, evaluating.at
    if campaign.started_at is None:
        raise CampaignNotStarted("the campaign has not been started")
    left = await _left(evaluating)
    sides = {
        arm: Side(sum(days.values()), sum(n for day, n in days.items() if day is not None))
        for arm, days in left.items()
    }
    holdout = sides.get(HOLDOUT, Side(0, 0))
    treated = _together([side for arm, side in sides.items() if arm != HOLDOUT])
    effect = rules.prevented(treated, holdout)
    actions = {code: await evaluating.session.get(Action, code) for code in campaign.actions}
    participation, counts = await _participation(evaluating, treated)
    margin = await _margin(evaluating)
    cost = _cost(actions, counts, campaign.horizon_days)
    worthwhile = _worthwhile(campaign, cost, margin, treated)
    alone = rules.ALPHA / max(len(campaign.actions), 1)
    return {
        "campaign_id": campaign.id,
        "as_of": at,
        "verdict": rules.verdict(effect, worthwhile),
        "effect": _plain(effect),
        "worthwhile": worthwhile,
        "erased": (await evaluating.rows(facts.ERASED))[0][0],
        "arms": [
            {
                "arm": arm,
                "members": side.members,
                "left": side.left,
                "rate": side.rate,
                "prevented": None if arm == HOLDOUT else _plain(rules.prevented(side, holdout, alone)),
            }
            for arm, side in sorted(sides.items())
        ],
        "over_time": _over_time(campaign, left, (treated.members, holdout.members), at),
        "segments": await _segments(evaluating),
        "roi": _roi(effect, treated, margin, cost),
        "satisfaction": await _satisfaction(evaluating),
        "inquiries": await _inquiries(evaluating),
        "participation": participation,
        "recovery": await _recovery(evaluating),
        "save_rates": [
            {"reason": reason, "retained": kept, "churned": lost, "save_rate": kept / (kept + lost)}
            for reason, kept, lost in await evaluating.rows(facts.SAVES)
        ],
        "proactive_share": await _proactive_share(evaluating),
    }


def kept(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """What a record of past campaigns keeps of an evaluation."""
    roi = {name: None if value is None else str(value) for name, value in evaluation["roi"].items()}
    return {
        "as_of": evaluation["as_of"].isoformat(),
        "verdict": evaluation["verdict"].value,
        "effect": evaluation["effect"],
        "arms": evaluation["arms"],
        "roi": roi,
    }


async def _left(evaluating: Evaluating) -> dict[str, dict[int | None, int]]:
    """How many of each arm left on which day since they were enrolled; None: did not."""
    found: dict[str, dict[int | None, int]] = {}
    for arm, day, count in await evaluating.rows(facts.FATES):
        found.setdefault(arm, {})[day] = count
    return found


def _together(sides: Sequence[Side]) -> Side:
    return Side(sum(side.members for side in sides), sum(side.left for side in sides))


def _over_time(
    campaign: Campaign, left: Mapping[str, Mapping[int | None, int]], sizes: tuple[int, int], at: datetime
) -> list[dict[str, Any]]:
    assert campaign.started_at  # noqa: S101  # evaluate has seen to it
    days = min((at - campaign.started_at) // _WINDOW, campaign.horizon_days)
    treated: Counter[int] = Counter()
    for arm, counts in left.items():
        if arm != HOLDOUT:
            treated.update({day: count for day, count in counts.items() if day is not None})
    held = {day: count for day, count in left.get(HOLDOUT, {}).items() if day is not None}
    return [{"day": day, **asdict(effect)} for day, effect in rules.over_time(treated, held, sizes, days)]


async def _segments(evaluating: Evaluating) -> list[dict[str, Any]]:
    sides: dict[tuple[str, str], dict[bool, Side]] = {}
    for attribute, value, is_holdout, members, left in await evaluating.rows(facts.BY_SEGMENT):
        sides.setdefault((attribute, value), {})[is_holdout] = Side(members, left)
    nobody = Side(0, 0)
    return [
        {
            "attribute": attribute,
            "value": value,
            "treated": both.get(False, nobody).members,
            "holdout": both.get(True, nobody).members,
            "prevented": _plain(rules.prevented(both.get(False, nobody), both.get(True, nobody))),
        }
        for (attribute, value), both in sides.items()
    ]


async def _participation(evaluating: Evaluating, treated: Side) -> tuple[dict[str, Any], Counter[tuple[str, str]]]:
    counts: Counter[tuple[str, str]] = Counter()
    for action, answers, members in await evaluating.rows(facts.ANSWERS):
        final = next((one for one in ("accepted", "declined") if one in answers), "other")
        counts[action, final] += members
    answered = sum(members for (_, final), members in counts.items() if final != "other")
    accepted = sum(members for (_, final), members in counts.items() if final == "accepted")
    satisfied = (await evaluating.rows(facts.SATISFIED))[0][0]
    return {
        "treated": treated.members,
        "offered": (await evaluating.rows(facts.OFFERED))[0][0],
        "answered": answered,
        "accepted": accepted,
        "declined": answered - accepted,
        "rate": answered / treated.members if treated.members else None,
        "acceptance": accepted / answered if answered else None,
        "satisfied": None if satisfied is None else float(satisfied),
        "draws_but_does_not_sell": rules.draws_but_does_not_sell(treated.members, answered, accepted),
    }, counts


def _cost(actions: Mapping[str, Action | None], counts: Counter[tuple[str, str]], horizon_days: int) -> Decimal:
    """What it took: a contact for everyone who was reached, and what each acceptance costs and gives away."""
    cost = Decimal(0)
    for (code, final), members in counts.items():
        action = actions.get(code)
        if action is None:
            continue
        given_away = max(-action.monthly_arpu_effect, Decimal(0)) * horizon_days / 30
        cost += members * (action.contact_cost + (action.accept_cost + given_away if final == "accepted" else 0))
    return cost


async def _margin(evaluating: Evaluating) -> Decimal | None:
    """What a member's staying is worth over the horizon, on average."""
    revenue, names = revenue_sql(evaluating.settings)
    query = text(f"""{facts.MEMBERS}
        SELECT avg({revenue}) FROM known k CROSS JOIN LATERAL (
            SELECT features FROM feature_snapshots WHERE subscriber_id = k.subscriber_id ORDER BY as_of DESC LIMIT 1
        ) f
    """)  # noqa: S608  # only our own words
    mean = (await evaluating.rows(query, **names))[0][0]
    if mean is None:
        return None
    return Decimal(mean) * evaluating.settings.margin_rate * evaluating.campaign.horizon_days / 30


def _worthwhile(campaign: Campaign, cost: Decimal, margin: Decimal | None, treated: Side) -> float:
    """The effect below which it does not pay: as defined, else where value and cost break even."""
    if campaign.least_effect is not None:
        return campaign.least_effect
    if not margin or not treated.members:
        return 0.0
    return float(cost / (margin * treated.members))


def _roi(effect: Interval | None, treated: Side, margin: Decimal | None, cost: Decimal) -> dict[str, Any]:
    value = effect.scaled(float(margin * treated.members)) if effect and margin is not None else Interval(0.0, 0.0, 0.0)
    out = {
        f"value_{name}": _money(part) for name, part in (("out", value.value), ("low", value.low), ("high", value.high))
    }
    ratio = value.scaled(1 / float(cost)) if cost and margin is not None else None
    return out | {
        "cost_in": cost.quantize(CENT),
        "roi": ratio and ratio.value,
        "roi_low": ratio and ratio.low,
        "roi_high": ratio and ratio.high,
        "margin_per_member": None if margin is None else margin.quantize(CENT),
    }


async def _satisfaction(evaluating: Evaluating) -> list[dict[str, Any]]:
    """The three months after the campaign, each measured, missing, or not over yet."""
    zone, today = ZoneInfo(evaluating.settings.timezone), evaluating.today
    begin = evaluating.campaign.ends_on + timedelta(days=1)
    readings = []
    for month in range(1, READINGS + 1):
        since, until = months_after(begin, month - 1), months_after(begin, month)
        ends = {"since": _midnight(since, zone), "until": _midnight(until, zone)}
        found = {held: (count, mean) for held, count, mean in await evaluating.rows(facts.SATISFACTION, **ends)}
        answers = sum(count for count, _ in found.values())
        over = "measured" if answers else "missing"
        means = {held: None if mean is None else float(mean) for held, (_, mean) in found.items()}
        readings.append(
            {
                "month": month,
                "since": since,
                "until": until - timedelta(days=1),
                "state": over if until <= today else "not_due",
                "answers": answers,
                "treated": means.get(False),
                "holdout": means.get(True),
            }
        )
    return readings


async def _inquiries(evaluating: Evaluating) -> dict[str, Any]:
    zone, today = evaluating.settings.timezone, evaluating.today
    begin = evaluating.campaign.starts_on
    first, last = begin - timedelta(days=BASELINE_DAYS), min(today, begin + timedelta(days=MOST_DAYS))
    ends = {"since": _midnight(first, ZoneInfo(zone)), "until": _midnight(last, ZoneInfo(zone)), "zone": zone}
    counts: dict[date, int] = dict(map(tuple, await evaluating.rows(facts.INQUIRIES, **ends)))
    before = [first + timedelta(days=number) for number in range(BASELINE_DAYS)]
    since = [begin + timedelta(days=number) for number in range(max((last - begin).days, 0))]
    usual: dict[int, list[int]] = {}
    for day in before:
        usual.setdefault(day.weekday(), []).append(counts.get(day, 0))
    ratio = rules.inquiries(*([(day.weekday(), counts.get(day, 0)) for day in days] for days in (before, since)))
    return {
        "ratio": _plain(ratio),
        "days": [
            {
                "day": day,
                "inquiries": counts.get(day, 0),
                "usual": sum(usual[day.weekday()]) / len(usual[day.weekday()]),
            }
            for day in since
        ],
    }


async def _recovery(evaluating: Evaluating) -> dict[str, Any]:
    sides = {kind: Side(members, left) for kind, members, left in await evaluating.rows(facts.RECOVERY)}
    recovered, never = (sides.get(kind, Side(0, 0)) for kind in ("recovered", "never_failed"))
    return {
        "recovered": recovered.members,
        "recovered_left": recovered.left,
        "never_failed": never.members,
        "never_failed_left": never.left,
        "fewer_leave": _plain(rules.difference(recovered, never)),
    }


async def _proactive_share(evaluating: Evaluating) -> float | None:
    counts: dict[str, int] = dict(map(tuple, await evaluating.rows(facts.DIRECTIONS)))
    total = sum(counts.values())
    return counts.get("outbound", 0) / total if total else None


def _plain(interval: Interval | None) -> dict[str, float] | None:
    return None if interval is None else asdict(interval)


def _money(value: float) -> Decimal:
    return Decimal(repr(value)).quantize(CENT)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone)
