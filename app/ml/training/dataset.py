"""The table a model is made from: what is left out of it, what its input contract is, and which rows it never sees."""

import hashlib
import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, replace
from itertools import chain
from typing import TypeVar

from pydantic import ValidationError

from app.domain.features import Feature, FeatureType, FeatureValue, is_protected
from app.ml.dataset import Dataset, DatasetRefused
from app.ml.manifest import MOST_LEVELS, InputFeature, first_problem

Item = TypeVar("Item")

HELD_OUT_ONE_IN = 4
TRAINED_SHARE = 1 - 1 / HELD_OUT_ONE_IN


class NoRows(DatasetRefused):
    """The table has no rows."""


class TooFewRows(DatasetRefused):
    """The table has too few rows."""


class OneClassOnly(DatasetRefused):
    """Every row has the same label."""


class NoUsableFeature(DatasetRefused):
    """No column can be used."""


def is_held_out(id: str) -> bool:
    """Say whether this subscriber, or group, is in the fixed quarter that no model is trained on.

    The id's SHA-256 as one number, modulo 4, is 0: so neither the table's order nor what else it holds can move a row,
    and all the rows of one subscriber are on one side.
    """
    return hashlib.sha256(id.encode()).digest()[-1] % HELD_OUT_ONE_IN == 0


def split(dataset: Dataset) -> tuple[Dataset, Dataset]:
    """Return the rows to train on and the held-out rows, both in an order that the table's order does not change.

    Where the table has groups, all the rows of a group are on one side.
    """
    rows = sorted(range(len(dataset.ids)), key=list(_lines(dataset)).__getitem__)
    held_out = [is_held_out(owner) for owner in owners(dataset)]
    return (
        _take(dataset, [row for row in rows if not held_out[row]]),
        _take(dataset, [row for row in rows if held_out[row]]),
    )


def owners(dataset: Dataset) -> list[str]:
    """Name what each row's fate hangs together with: its group, or its subscriber where it has none."""
    groups = dataset.groups or [None] * len(dataset.ids)
    return [id if group is None else f"group {group}" for id, group in zip(dataset.ids, groups, strict=True)]


def without_protected(dataset: Dataset) -> tuple[Dataset, list[str]]:
    """Drop the protected attributes by name, whatever they would add; return the rest and their names."""
    return without(dataset, [feature.name for feature in dataset.features if is_protected(feature.name)])


def without_constant(dataset: Dataset) -> tuple[Dataset, list[str]]:
    """Drop the columns with one value in every row, which have nothing to say; return the rest and their names."""
    return without(dataset, constant(dataset))


def constant(dataset: Dataset) -> list[str]:
    """Name the columns with one value in every row, or none in any."""
    return [feature.name for feature in dataset.features if len(set(dataset.columns[feature.name])) == 1]


def learn_contract(dataset: Dataset) -> tuple[Feature, ...]:
    """Return the features with the levels that these rows hold, and nullable only where one of them lacks the value.

    Raises DatasetRefused if one does not fit into a manifest, for instance a text with a level for every row.
    """
    return tuple(_learn(feature, dataset.columns[feature.name]) for feature in dataset.features)


def sha256_of(*parts: Dataset) -> str:
    """Return a checksum of ids, features, values and labels that does not depend on the order of the rows."""
    digest = hashlib.sha256(json.dumps([feature.name for feature in parts[0].features]).encode())
    for line in sorted(chain.from_iterable(map(_lines, parts))):
        digest.update(line.encode() + b"\n")
    return digest.hexdigest()


def _lines(dataset: Dataset) -> Iterator[str]:
    columns = [dataset.columns[feature.name] for feature in dataset.features]
    dates = [day.isoformat() for day in dataset.dates] if dataset.dates else [""] * len(dataset.ids)
    for cells in zip(dataset.ids, dates, *columns, dataset.labels.tolist(), strict=True):
        yield json.dumps(cells)


def _take(dataset: Dataset, rows: Sequence[int]) -> Dataset:
    def taken(column: Sequence[Item]) -> list[Item]:
        return [column[row] for row in rows]

    return replace(
        dataset,
        ids=taken(dataset.ids),
        columns={feature.name: taken(dataset.columns[feature.name]) for feature in (*dataset.features, *dataset.raw)},
        labels=dataset.labels[list(rows)],
        dates=taken(dataset.dates) if dataset.dates else None,
        groups=taken(dataset.groups) if dataset.groups else None,
        segments={name: taken(column) for name, column in dataset.segments.items()},
    )


def without(dataset: Dataset, names: Collection[str]) -> tuple[Dataset, list[str]]:
    """Drop columns by name; return the rest and the names. Raises NoUsableFeature if nothing would be left."""
    kept = tuple(feature for feature in dataset.features if feature.name not in names)
    if not kept:
        raise NoUsableFeature("No column of the table can be used: each is protected or has one value in every row.")
    return replace(dataset, features=kept), list(names)


def _learn(feature: Feature, column: Sequence[FeatureValue]) -> Feature:
    is_category = feature.type is FeatureType.CATEGORY
    levels = tuple(sorted({str(value) for value in column if value is not None})) if is_category else ()
    if len(levels) > MOST_LEVELS:
        raise DatasetRefused(
            f"The column {feature.name!r} holds {len(levels):,} different texts; {MOST_LEVELS:,} at most."
        )
    learned = replace(feature, levels=levels, nullable=None in column)
    try:
        InputFeature(**asdict(learned))
    except ValidationError as error:
        raise DatasetRefused(f"The column {feature.name!r} cannot be an input: {first_problem(error)}.") from None
    return learned
