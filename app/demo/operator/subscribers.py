"""Who the simulated subscribers are, and when something begins to drive them away."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.demo.operator.mechanisms import (
    GROUP_EXODUS,
    HIDDEN_CHURN,
    MECHANISMS,
    PROMO_LEAVER,
    REIMBURSED,
    SHARES,
    SLEEPING_DOG,
    index_of,
)

REGIONS: Final = np.array(["north", "east", "south", "west"])
BRANDS: Final = np.array(["premium", "standard", "youth"])
TIERS: Final = np.array(["gold", "silver", "bronze"])
CELLS_A_REGION: Final = 40
GROUP_SIZE: Final = 10
GROUPED: Final = 0.25
LONGEST_TENURE: Final = 240
PROMOTION_MONTHS: Final = 3
JOIN_LATER: Final = 0.15
SPREAD: Final = 0.12  # of the probability to leave among those of one mechanism, in log
FIRST_ONSET: Final = -3
EARLIER_MONTHS: Final = 3  # before the first month, so that a trend of three months is known in it

Rng = np.random.Generator
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Subscribers:
    """N subscribers of one block; months are counted from 1, the one before it is 0.

    `mechanism` [N] indexes MECHANISMS; it begins in month `onset` [N]; at its full they `leave` [N] within 90 days with
    that probability. A group's members share mechanism, onset and `depth`, by how much their bills fall.
    """

    first: int
    mechanism: Ints
    onset: Ints
    leaves: Floats
    joined: Ints
    group: Ints
    depth: Floats
    region: Ints
    cell: Ints
    brand: Ints
    tier: Ints
    postpaid: Bools
    employer_paid: Bools
    promotion: Bools
    handset_age: Ints

    def __len__(self) -> int:
        return len(self.mechanism)

    def has(self, mechanism: object) -> Bools:
        return np.asarray(self.mechanism == MECHANISMS.index(mechanism))


def draw(rng: Rng, first: int, count: int, months: int) -> Subscribers:
    """Draw a block of `count` subscribers, the first of them numbered `first`, for so many months."""
    mechanism = rng.choice(len(MECHANISMS), count, p=[1 - sum(SHARES), *SHARES])
    mechanism[mechanism == index_of(GROUP_EXODUS)] = 0  # a group leaves together: decided below
    onset = rng.integers(FIRST_ONSET, months + 1, count)
    depth = rng.uniform(0.2, 0.6, count)
    cell = rng.integers(0, CELLS_A_REGION * len(REGIONS), count)
    group = _groups(rng, mechanism, (onset, depth, cell))
    joined = np.where(
        rng.random(count) < JOIN_LATER,
        rng.integers(1, months + 1, count),
        -np.minimum(rng.exponential(40, count), LONGEST_TENURE).astype(int),
    )
    joined = np.where(group >= 0, np.minimum(joined, FIRST_ONSET - 1), joined)
    asleep, new = mechanism == index_of(SLEEPING_DOG), mechanism == index_of(PROMO_LEAVER)
    joined = np.where(asleep, -rng.integers(60, LONGEST_TENURE, count), joined)
    joined = np.where(new, rng.integers(-1, months + 1, count), joined)
    onset = np.where(asleep, FIRST_ONSET - EARLIER_MONTHS, np.where(new, joined, np.maximum(onset, joined)))
    full = np.array([one.leaves for one in MECHANISMS])[mechanism]
    tier = rng.choice(len(TIERS), count, p=[0.15, 0.35, 0.5])
    return Subscribers(
        first=first,
        mechanism=mechanism,
        onset=onset,
        leaves=np.clip(full * rng.lognormal(0, SPREAD, count), 0, 0.9),
        joined=joined,
        group=group,
        depth=depth,
        region=cell // CELLS_A_REGION,
        cell=cell,
        brand=rng.choice(len(BRANDS), count, p=[0.3, 0.5, 0.2]),
        tier=np.where(mechanism == index_of(HIDDEN_CHURN), 0, tier),
        postpaid=rng.random(count) < 0.6,  # noqa: PLR2004  # a share
        employer_paid=(mechanism == index_of(REIMBURSED)) | (rng.random(count) < 0.05),  # noqa: PLR2004  # a share
        promotion=new | ((joined > -PROMOTION_MONTHS) & (rng.random(count) < 0.3)),  # noqa: PLR2004  # a share
        handset_age=rng.integers(1, 48, count),
    )


def _groups(rng: Rng, mechanism: Ints, shared: tuple[NDArray[np.generic], ...]) -> Ints:
    """Number the groups of a quarter of the subscribers, -1 for the rest; some groups go as a whole."""
    count = len(mechanism)
    members = rng.permutation(count)[: int(count * GROUPED) // GROUP_SIZE * GROUP_SIZE]
    group = np.full(count, -1)
    group[members] = np.arange(len(members)) // GROUP_SIZE
    leaders = members[::GROUP_SIZE]
    leaving = rng.random(len(leaders)) < GROUP_EXODUS.share / GROUPED
    for column in shared:
        column[members] = np.repeat(column[leaders], GROUP_SIZE)
    mechanism[members[np.repeat(leaving, GROUP_SIZE)]] = index_of(GROUP_EXODUS)
    return group
