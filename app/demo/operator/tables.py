"""The simulated world as Parquet files, written block by block; the truth goes to a file of its own."""

import calendar
import json
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from app.demo.operator.lives import HISTORY_ARM, NEVER, Lives, live
from app.demo.operator.mechanisms import ARMS, CONTROL, HORIZON_DAYS, HORIZON_MONTHS, MECHANISMS
from app.demo.operator.signals import DAYS_A_MONTH, Signals, features, signals
from app.demo.operator.subscribers import (
    BRANDS,
    EARLIER_MONTHS,
    REGIONS,
    TIERS,
    Bools,
    Rng,
    Subscribers,
    draw,
)
from app.errors import Invalid

BLOCK: Final = 10_000
LEAST_MONTHS: Final = 4
ATTRIBUTES: Final = ("region", "brand", "value_tier", "payment_type")
MAPPINGS: Final = ("panel.yaml", "trial.yaml", "campaigns.yaml", "profiles.yaml")
Rows = Mapping[str, Any]


class WorldRefused(Invalid):
    """There is no such world."""


@dataclass(frozen=True, slots=True)
class World:
    """What is to be simulated.

    The trial begins at the end of the month of `until`, the last one observed; its horizon is the three months after.
    `explored` is the share that the trial treats, each arm alike.
    """

    subscribers: int = 30_000
    months: int = 6
    seed: int = 1
    until: date = date(2026, 6, 30)
    explored: float = 0.6

    def __post_init__(self) -> None:
        if self.months < LEAST_MONTHS:
            raise WorldRefused(f"--months: a world takes {LEAST_MONTHS} months at least, of which three are a label's")
        if self.subscribers < 1:
            raise WorldRefused("--subscribers: a world takes one subscriber at least")
        if not 0 < self.explored < 1:
            raise WorldRefused("--explored: a share between 0 and 1, or there is nothing to compare")

    @property
    def propensities(self) -> dict[str, float]:
        treated = self.explored / (len(ARMS) - 1)
        return {arm: 1 - self.explored if arm == CONTROL else treated for arm in ARMS}

    def ends(self, month: int) -> date:
        """The last day of a month, counted from 1."""
        at = self.until.year * 12 + self.until.month - 1 - self.months + month
        year, index = divmod(at, 12)
        return date(year, index + 1, calendar.monthrange(year, index + 1)[1])


def simulate(world: World, out: Path, progress: Callable[[float], object] = lambda _: None) -> None:
    """Write a world to the folder `out`: its tables, the mapping files to read them with, and what it is."""
    out.mkdir(parents=True, exist_ok=True)
    with ExitStack() as open_files:
        writers: dict[str, pq.ParquetWriter] = {}
        for block, first in enumerate(range(0, world.subscribers, BLOCK)):
            rng = np.random.default_rng([world.seed, block])
            count = min(BLOCK, world.subscribers - first)
            for name, rows in _tables(_Block.of(rng, world, first, count)).items():
                table = pa.table(dict(rows))
                if name not in writers:
                    writer = pq.ParquetWriter(out / f"{name}.parquet", table.schema, compression="zstd")
                    writers[name] = open_files.enter_context(writer)
                writers[name].write_table(table)
            progress((first + count) / world.subscribers)
    for name in MAPPINGS:
        (out / name).write_text((files("app") / "demo" / "operator" / name).read_text(encoding="utf-8"))
    told = {
        "simulated": True,
        "note": "A made-up world: nothing in it is about real people.",
        "seed": world.seed,
        "subscribers": world.subscribers,
        "months": world.months,
        "until": world.ends(world.months).isoformat(),
        "horizon_days": HORIZON_DAYS,
        "control": CONTROL,
        "propensities": world.propensities,
        "mechanisms": {one.name: sorted(one.drivers) for one in MECHANISMS},
    }
    (out / "world.json").write_text(json.dumps(told, indent=1))


@dataclass(frozen=True, slots=True)
class _Block:
    world: World
    rng: Rng
    subscribers: Subscribers
    lives: Lives
    seen: Signals
    ids: np.ndarray[Any, Any]

    @classmethod
    def of(cls, rng: Rng, world: World, first: int, count: int) -> "_Block":
        # All of a block is drawn before it is cut, so that a larger world begins with the smaller one's subscribers.
        subscribers = draw(rng, first, BLOCK, world.months)
        lives = live(rng, subscribers, world.months, np.array(list(world.propensities.values())))
        seen = signals(rng, subscribers, lives)
        ids = np.array([f"sim-{number:07}" if number < first + count else "" for number in range(first, first + BLOCK)])
        return cls(world, rng, subscribers, lives, seen, ids)

    @property
    def kept(self) -> Bools:
        return np.asarray(self.ids != "")

    def present(self, month: int) -> Bools:
        return self.lives.present(month, self.subscribers) & self.kept

    def features(self, month: int, of: Bools | None = None) -> dict[str, Any]:
        """The features of a month, of those present in it unless others are named."""
        here, who = self.present(month) if of is None else of, self.subscribers
        known = features(who, self.lives, self.seen, month)
        now = EARLIER_MONTHS + month - 1
        return {name: np.round(values[here], 4) for name, values in known.items()} | {
            "brand": BRANDS[who.brand][here],
            "value_tier": TIERS[who.tier][here],
            "region": REGIONS[who.region][here],
            "payment_type": np.where(who.postpaid, "postpaid", "prepaid")[here],
            "in_group": (who.group >= 0)[here],
            "on_promotion": who.promotion[here],
            "reimbursement_ended": self.seen["reimbursement_ended"][:, now][here] > 0,
        }

    def group_ids(self, chosen: Bools) -> list[str | None]:
        first = self.subscribers.first
        return [None if group < 0 else f"vpmn-{first + group:07}" for group in self.subscribers.group[chosen].tolist()]

    def left_on(self) -> list[date | None]:
        """A day in the month somebody leaves in."""
        days = self.rng.integers(0, DAYS_A_MONTH - 2, BLOCK)
        ends = {month: self.world.ends(month - 1) for month in range(self.world.months + HORIZON_MONTHS + 1)}
        left = self.lives.left.tolist()
        return [
            None if month == NEVER else ends[month] + timedelta(days=int(day) + 1)
            for month, day in zip(left, days, strict=True)
        ]


def _tables(block: _Block) -> dict[str, Rows]:
    months = range(1, block.world.months + 1)
    left_on = np.array(block.left_on(), object)
    usage = ("outgoing_minutes", "incoming_minutes", "offnet_share", "forwarded_calls", "data_gb", "away_share")
    return {
        "subscribers": _subscribers(block),
        "usage": _monthly(block, usage),
        "bills": _monthly(block, ("bill_amount", "overdue_days")),
        "faults": _events(block, {"faults": "fault"}),
        "complaints": _events(block, {"complaints": "network"}),
        "contacts": _events(block, {"bill_queries": "billing", "plan_enquiries": "plan_enquiry"}),
        "panel": _joined([_panel(block, month) for month in months if month + HORIZON_MONTHS <= block.world.months]),
        "profiles": _profiles(block),
        "campaigns": _campaign(block, left_on),
        "trial": _trial(block, left_on),
        "truth": _truth(block),
    }


def _subscribers(block: _Block) -> Rows:
    who, kept = block.subscribers, block.kept
    return {
        "subscriber_id": block.ids[kept],
        "joined_on": [block.world.ends(int(month)) for month in who.joined[kept]],
        "region": REGIONS[who.region][kept],
        "cell": [f"cell-{cell:03}" for cell in who.cell[kept]],
        "brand": BRANDS[who.brand][kept],
        "value_tier": TIERS[who.tier][kept],
        "payment_type": np.where(who.postpaid, "postpaid", "prepaid")[kept],
        "group_id": pa.array(block.group_ids(kept), pa.string()),
        "employer_paid": who.employer_paid[kept],
    }


def _monthly(block: _Block, names: tuple[str, ...]) -> Rows:
    def of(month: int) -> Rows:
        here = block.present(month)
        values = {name: np.round(block.seen[name][here, EARLIER_MONTHS + month - 1], 3) for name in names}
        return {"subscriber_id": block.ids[here], "month": np.full(here.sum(), block.world.ends(month)), **values}

    return _joined([of(month) for month in range(1, block.world.months + 1)])


def _events(block: _Block, kinds: Mapping[str, str]) -> Rows:
    """One row an event, on a day of its month."""

    def of(month: int, name: str, kind: str) -> Rows:
        counts = np.where(block.present(month), block.seen[name][:, EARLIER_MONTHS + month - 1], 0).astype(int)
        ids = np.repeat(block.ids, counts)
        days = block.rng.integers(0, 28, len(ids))
        start = np.datetime64(block.world.ends(month - 1)) + 1
        return {"subscriber_id": ids, "occurred_on": start + days, "kind": np.full(len(ids), kind)}

    months = range(1, block.world.months + 1)
    return _joined([of(month, name, kind) for month in months for name, kind in kinds.items()])


def _panel(block: _Block, month: int) -> Rows:
    """Subscribers as of the end of a month, and whether they leave within the horizon after it."""
    here = block.present(month)
    leaves = block.lives.left[here] <= month + HORIZON_MONTHS
    return {
        "subscriber_id": block.ids[here],
        "as_of": np.full(here.sum(), block.world.ends(month)),
        "group_id": pa.array(block.group_ids(here), pa.string()),
        **block.features(month),
        "left": _yes(leaves),
    }


def _profiles(block: _Block) -> Rows:
    """Who took part in the trial, as of the end of its horizon: of those who left by then little more is known."""
    here, last = block.present(block.world.months), block.world.months + HORIZON_MONTHS
    stays = block.lives.left[here] > last
    joined = [block.world.ends(int(one)) for one in block.subscribers.joined[here]]
    return {
        "subscriber_id": block.ids[here],
        "joined_on": joined,
        "status": np.where(stays, "active", "churned"),
        **{
            name: pa.array(values, mask=None if name in ATTRIBUTES else ~stays)
            for name, values in block.features(last, here).items()
        },
    }


def _campaign(block: _Block, left_on: np.ndarray[Any, Any]) -> Rows:
    """The historical campaign: people chosen by their looks, with no word on how likely each was to be chosen."""
    month = block.lives.history
    here = block.present(month)
    arms = np.where(block.lives.approached, HISTORY_ARM, CONTROL)[here]
    return _log(block, month, here, arms, left_on)


def _trial(block: _Block, left_on: np.ndarray[Any, Any]) -> Rows:
    month = block.world.months
    here = block.present(month)
    log = dict(_log(block, month, here, np.array(ARMS)[block.lives.arm[here]], left_on))
    return log | {f"p_{arm}": np.full(here.sum(), share) for arm, share in block.world.propensities.items()}


def _log(block: _Block, month: int, here: Bools, arms: np.ndarray[Any, Any], left_on: np.ndarray[Any, Any]) -> Rows:
    leaves = block.lives.left[here] <= month + HORIZON_MONTHS
    days = [day if leaver else None for day, leaver in zip(left_on[here], leaves, strict=True)]
    return {
        "subscriber_id": block.ids[here],
        "group_id": pa.array(block.group_ids(here), pa.string()),
        "treated_on": np.full(here.sum(), block.world.ends(month)),
        "arm": arms,
        **block.features(month),
        "left": _yes(leaves),
        "left_on": pa.array(days, pa.date32()),
    }


def _truth(block: _Block) -> Rows:
    """Why they leave and how likely; and, at the trial, what each arm would have made of it."""

    def of(month: int) -> Rows:
        here, last = block.present(month), month == block.world.months
        active = block.lives.severity[here, EARLIER_MONTHS + month - 1] > 0
        names = np.array([one.name for one in MECHANISMS])
        chances, unknown = block.lives.chances[here], np.full(here.sum(), not last)
        fates = block.lives.fates[here]
        known = block.lives.chances[:, 0] if last else block.lives.probability(month, block.subscribers)
        made = {arm: fates[:, number] if last else [None] * len(fates) for number, arm in enumerate(ARMS)}
        return {
            "subscriber_id": block.ids[here],
            "as_of": np.full(here.sum(), block.world.ends(month)),
            "mechanism": np.where(active, names[block.subscribers.mechanism[here]], names[0]),
            "probability": known[here],
            **{f"p_{arm}": pa.array(chances[:, n], mask=unknown) for n, arm in enumerate(ARMS)},
            **{f"left_{arm}": pa.array(became, pa.bool_()) for arm, became in made.items()},
        }

    return _joined([of(month) for month in range(1, block.world.months + 1)])


def _yes(said: Bools) -> np.ndarray[Any, Any]:
    return np.where(said, "yes", "no")


def _joined(parts: list[Rows]) -> Rows:
    tables = pa.concat_tables([pa.table(dict(part)) for part in parts])
    return dict(zip(tables.column_names, tables.columns, strict=True))
