"""The table a model is made from, as it was read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np
from numpy.typing import NDArray

from app.domain.features import Feature, FeatureValue
from app.domain.formulas import Derived
from app.errors import Invalid


class DatasetRefused(Invalid):
    """The table cannot be trained on."""


@dataclass(frozen=True)
class Dataset:
    """One row a subscriber, or a subscriber and day: `columns` holds each feature's N values, `labels` is bool [N].

    `dates` are the days the rows speak of; rows of one of the `groups` stay on one side of every split; `segments` are
    what the report tells apart. `derived` are those of the features that were computed; `raw` are the dates they may be
    computed from, which stand in `columns` and are no features. `declared` are the features that the mapping names, the
    others were inferred. In a `lenient` table any value may be missing, whether or not one is.
    """

    ids: list[str]
    features: tuple[Feature, ...]
    columns: dict[str, list[FeatureValue]]
    labels: NDArray[np.bool_]
    dates: list[date] | None = None
    groups: list[str | None] | None = None
    segments: Mapping[str, list[str | None]] = field(default_factory=dict)
    derived: tuple[Derived, ...] = ()
    declared: frozenset[str] = frozenset()
    raw: tuple[Feature, ...] = ()
    lenient: bool = False

    def __post_init__(self) -> None:
        aligned = (self.ids, self.labels, self.dates, self.groups, *self.segments.values())
        lengths = {len(column) for column in aligned if column is not None}
        if len(lengths | {len(self.columns[feature.name]) for feature in (*self.features, *self.raw)}) > 1:
            raise DatasetRefused("The ids, the labels and the columns of the table have different lengths.")
