"""Which rows a model learns from and which it is judged by: nobody on both sides, and no look into the future."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from app.errors import Invalid

Rows: TypeAlias = NDArray[np.intp]
Keys: TypeAlias = NDArray[np.intp]

FOLDS = 5
ONE_SPLIT_ABOVE = 50_000
ONE_IN = 4  # the part that the one split tests
LEAST_DAYS = 3
LEAST_OF_A_CLASS = 2


class TooFewToSplit(Invalid):
    """The table is too small to be split."""


@dataclass(frozen=True, slots=True)
class Folds:
    """Pairs of rows to train on and rows to test on, and how they were chosen, in words."""

    splits: tuple[tuple[Rows, Rows], ...]
    protocol: str


def keys_of(ids: Sequence[str], groups: Sequence[str | None] | None = None) -> Keys:
    """Number the sets of rows [N] that belong together: those of one subscriber, and those of one group.

    A subscriber who was in two groups joins them; a row without a group belongs to its subscriber alone.
    """
    _, subscriber = np.unique(np.asarray(ids, np.str_), return_inverse=True)
    if groups is None:
        return subscriber
    grouped = [row for row, group in enumerate(groups) if group is not None]
    _, group = np.unique(np.array([groups[row] for row in grouped], np.str_), return_inverse=True)
    size = len(ids) + len(grouped)
    links = coo_array((np.ones(len(grouped)), (subscriber[grouped], len(ids) + group)), shape=(size, size))
    _, component = connected_components(links, directed=False)
    return np.unique(component[subscriber], return_inverse=True)[1]


def folds(
    labels: NDArray[np.bool_], keys: Keys, dates: Sequence[date] | None = None, *, count: int = FOLDS, seed: int
) -> Folds:
    """Split rows with these labels [N]; rows of one key are never on both sides of a split.

    Where the dates are of three days or more, every test row is later than every training row, and a row is tested at
    most once; otherwise the rows are dealt into `count` stratified parts, and each is tested exactly once. For one
    part, and above 50,000 rows, there is one split, which tests about a quarter. Raises TooFewToSplit.
    """
    one = count == 1 or len(labels) > ONE_SPLIT_ABOVE
    random = np.random.default_rng(seed)
    splits = [] if dates is None else _forward(labels, keys, dates, ONE_IN - 1 if one else count, random)
    order = "each tested on later days than it was trained on"
    if not splits:
        splits, order = _dealt(labels, keys, ONE_IN if one else count, random), "stratified by label"
    if not splits:
        raise TooFewToSplit("The table has too few rows of one label, or too few groups, to be split.")
    splits = splits[-1:] if one else splits
    return Folds(tuple(splits), _words(len(splits), order, keys))


def _words(count: int, order: str, keys: Keys) -> str:
    how = f"{count} folds, " if count > 1 else "one split, "
    apart = "; the rows of one subscriber or group stay on one side" if len(keys) > keys.max() + 1 else ""
    return f"{how}{order}{apart}; {len(keys):,} rows"


def _dealt(labels: NDArray[np.bool_], keys: Keys, count: int, random: np.random.Generator) -> list[tuple[Rows, Rows]]:
    scarce = min(len(set(keys[labels].tolist())), len(set(keys[~labels].tolist())))
    part = deal(labels, keys, max(1, min(count, scarce)), random)
    splits = [(np.flatnonzero(part != fold), np.flatnonzero(part == fold)) for fold in range(part.max() + 1)]
    return [split for split in splits if _can_teach(labels, split)]


def _forward(
    labels: NDArray[np.bool_], keys: Keys, dates: Sequence[date], count: int, random: np.random.Generator
) -> list[tuple[Rows, Rows]]:
    """Test each block of days by what was before it; subscribers seen in several rows are tested in one block only."""
    days = np.array([day.toordinal() for day in dates])
    if len(np.unique(days)) < LEAST_DAYS:
        return []
    block, part = _blocks(days, count + 1), deal(labels, keys, count, random)
    alone = np.bincount(keys)[keys] == 1
    splits = []
    for later in range(1, block.max() + 1):
        test = (block == later) & (alone | (part == later - 1))
        train = (block < later) & ~np.isin(keys, keys[test])
        splits.append((np.flatnonzero(train), np.flatnonzero(test)))
    return [split for split in splits if _can_teach(labels, split)]


def deal(labels: NDArray[np.bool_], keys: Keys, parts: int, random: np.random.Generator) -> Rows:
    """Return the part [N] of each row: keys are dealt out like cards, sorted by leavers and rows, shuffled first."""
    leavers, rows = np.bincount(keys, labels), np.bincount(keys)
    order = np.lexsort([random.permutation(len(rows)), rows, leavers])
    part = np.empty(len(rows), np.intp)
    part[order] = np.arange(len(rows)) % parts
    return part[keys]


def _blocks(days: NDArray[np.int_], count: int) -> Rows:
    """Return the block [N] of each row: at most `count` runs of whole days with about as many rows each."""
    _, day, rows = np.unique(days, return_inverse=True, return_counts=True)
    before = np.cumsum(rows) - rows
    _, block = np.unique(before * count // len(days), return_inverse=True)
    return np.asarray(block[day])


def _can_teach(labels: NDArray[np.bool_], split: tuple[Rows, Rows]) -> bool:
    train, test = split
    leavers = int(labels[train].sum())
    return len(test) > 0 and min(leavers, len(train) - leavers) >= LEAST_OF_A_CLASS
