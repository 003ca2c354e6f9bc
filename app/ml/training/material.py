"""What a model is made from: a table checked, split and encoded, and narrowed to the features that were chosen."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from app.domain.features import Feature
from app.ml.dataset import Dataset, DatasetRefused
from app.ml.features import Contract, encode_many
from app.ml.training.dataset import (
    NoRows,
    OneClassOnly,
    TooFewRows,
    constant,
    learn_contract,
    split,
    without,
    without_constant,
    without_protected,
)
from app.ml.training.leakage import guard

LEAST_OF_A_CLASS = 2  # the interval of the AUROC needs a variance within each class


class ColumnTellsNothing(DatasetRefused):
    """A column that the mapping names has nothing to say."""


@dataclass(frozen=True, slots=True)
class Material:
    """The two sides of a table, encoded: `matrix` [rows, features] to train on, `unseen` to judge by.

    `raw` are the features that a table or a caller may bring, whether the model reads them or not.
    """

    training: Dataset
    held_out: Dataset
    features: tuple[Feature, ...]
    raw: tuple[Feature, ...]
    dropped: Mapping[str, str]
    matrix: NDArray[np.float32]
    unseen: NDArray[np.float32]

    @property
    def everything(self) -> NDArray[np.float32]:
        """All rows, those to train on first."""
        return np.concatenate([self.matrix, self.unseen])

    @property
    def all_labels(self) -> NDArray[np.bool_]:
        return np.concatenate([self.training.labels, self.held_out.labels])

    def narrowed(self, dropped: Mapping[str, str]) -> "Material":
        """Leave features out, each for its reason."""
        kept = [index for index, feature in enumerate(self.features) if feature.name not in dropped]
        return replace(
            self,
            features=tuple(self.features[index] for index in kept),
            dropped={**self.dropped, **dropped},
            matrix=self.matrix[:, kept],
            unseen=self.unseen[:, kept],
        )


def prepare(dataset: Dataset, *, allowed: Collection[str] = ()) -> Material:
    """Check and split a table, and encode both sides; a feature in `allowed` may tell the label.

    Raises DatasetRefused, FeaturesRefused or LeakageFound.
    """
    if not dataset.ids:
        raise NoRows("The table has no rows.")
    computed = {made.name for made in dataset.derived}
    raw = (*(feature for feature in dataset.features if feature.name not in computed), *dataset.raw)
    # Protected columns go first, so that nothing below can depend on them, not even the order of the rows.
    dataset, protected = without_protected(dataset)
    # The whole table at once, before it is sorted: a refusal names the row where the table has it.
    encode_many(Contract.of(dataset.features), dataset.columns)
    _refuse_declared_constants(dataset)
    training, held_out = split(dataset)
    _check_labels(dataset, training, held_out)
    training, flat = without_constant(training)
    dropped = dict.fromkeys(protected, "protected") | dict.fromkeys(flat, "constant")
    material = _encoded(training, without(held_out, flat)[0], raw, dropped)
    guard(material.matrix, training.labels, material.features, allowed=frozenset(allowed))
    return material


def _encoded(training: Dataset, held_out: Dataset, raw: tuple[Feature, ...], dropped: Mapping[str, str]) -> Material:
    # What is derived of values that are missing is missing, whether or not training met such a row.
    computed = {made.name for made in training.derived}
    features = tuple(
        replace(feature, nullable=training.lenient or feature.nullable or feature.name in computed)
        for feature in learn_contract(training)
    )
    # Serving refuses to score without a value that training never lacked; judging takes such rows, not to be choosy.
    lenient = Contract.of([replace(feature, nullable=True) for feature in features])
    matrix = encode_many(Contract.of(features), training.columns)
    return Material(training, held_out, features, raw, dropped, matrix, encode_many(lenient, held_out.columns))


def _refuse_declared_constants(dataset: Dataset) -> None:
    # A column that was merely inferred is dropped without ado; one that somebody named is a mistake worth a word.
    for name in constant(dataset):
        if name in dataset.declared:
            what = "no value" if dataset.columns[name][0] is None else "the same value"
            raise ColumnTellsNothing(f"The feature {name!r} has {what} in every row: take it out of the mapping.")


def _check_labels(dataset: Dataset, training: Dataset, held_out: Dataset) -> None:
    if len(set(dataset.labels.tolist())) == 1:
        raise OneClassOnly("Every row of the table has the same label: there is nothing to tell apart.")
    for side, rows in (("to train on", training), ("held out", held_out)):
        positives = int(rows.labels.sum())
        if min(positives, len(rows.labels) - positives) < LEAST_OF_A_CLASS:
            raise TooFewRows(
                f"The rows {side} hold fewer than {LEAST_OF_A_CLASS} of one label: the table is too small."
            )
