"""A few firms for the demo, generated and said to be, two of which show that they may leave.

Their members are subscribers of the sample; what the sample does not tell of them, how they call, is made up.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from app.db import transaction
from app.demo.month import SEED, Month
from app.domain.features import Feature, FeatureType
from app.ml.training.dataset import is_held_out
from app.services import features, groups, subscribers

SOURCE: Final = "demo, generated"
CALLS: Final = tuple(
    Feature(name, FeatureType.NUMBER, unit, 0, 100_000)
    for name, unit in (
        ("call_forward_m3", "calls"),
        ("call_forward_m2", "calls"),
        ("call_forward_m0", "calls"),
        ("offnet_onnet_ratio", "ratio"),
    )
)
_REVENUES: Final = ("monthly_charges", "avg_spend_3m")
_MONTH: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Firm:
    """A group of so many members, and which of the three signals it shows."""

    group_id: str
    name: str
    members: int
    forwards: bool = False
    spends_less: bool = False
    calls_out: bool = False


FIRMS: Final = (
    Firm("vpmn-1", "Riverside Works", 9, forwards=True, spends_less=True, calls_out=True),
    Firm("vpmn-2", "Harbour Logistics", 6, forwards=True, spends_less=True, calls_out=True),
    Firm("vpmn-3", "Northgate School", 7, spends_less=True),
    Firm("vpmn-4", "Lakeside Clinic", 8),
    Firm("vpmn-5", "Old Town Bakery", 4),
)


async def found(month: Month, subscriber_ids: Sequence[str]) -> None:
    """Make the firms of subscribers that no score is checked on, each with a snapshot of a month earlier."""
    chance = random.Random(SEED)  # noqa: S311  # made-up firms, not secrets
    free = chance.sample([id for id in subscriber_ids if not is_held_out(id)], sum(firm.members for firm in FIRMS))
    async with transaction(month.sessions) as session:
        await features.define_features(session, CALLS, SOURCE, month.at)
        latest = await subscribers.find_latest_snapshots(session, free)
        for firm in FIRMS:
            said = {"name": firm.name, "plan": "vpmn-office", "corporate_account": True, "payer": "group"}
            usual = {"flat_fee": False, "rental_free": True, "owner": None}
            await groups.put_group(session, firm.group_id, said | usual, month.at)
            for id in (free.pop() for _ in range(firm.members)):
                subscriber = await subscribers.get_subscriber(session, id, for_update=True)
                subscribers.apply(subscriber, month.vault, {"group_id": firm.group_id}, month.at)
                today, known = latest[id].as_of, latest[id].features
                for day, told in zip((today - _MONTH, today), _two_months(chance, firm, known), strict=True):
                    await subscribers.put_snapshot(session, id, day, known | told, at=month.at, today=today)


def _two_months(chance: random.Random, firm: Firm, known: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What is told of a member a month ago and now."""
    few = [chance.randint(0, 2) for _ in range(4)]
    ratio = round(chance.uniform(0.3, 0.5), 2)
    fell = round(chance.uniform(0.55, 0.7), 2) if firm.spends_less else 1.0
    earlier = {name: round(known[name] / fell, 2) for name in _REVENUES if known.get(name)}
    yield earlier | {"call_forward_m0": few[1], "offnet_onnet_ratio": ratio}
    yield {
        "call_forward_m3": few[0],
        "call_forward_m2": few[1],
        "call_forward_m0": chance.randint(7, 14) if firm.forwards else few[2],
        "offnet_onnet_ratio": round(ratio * (chance.uniform(1.9, 2.4) if firm.calls_out else 1.0), 2),
    }
