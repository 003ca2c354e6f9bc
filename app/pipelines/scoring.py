"""Scoring a whole table: each row comes out once, with its strongest drivers, or as a refusal with its reasons."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.domain.features import Feature, FeatureType
from app.errors import Invalid
from app.ml.bundle import Bundle
from app.ml.drivers import band, strongest
from app.ml.features import FeaturesRefused, complete, encode
from app.ml.scorer import CHUNK, score
from app.pipelines.binding import Bound, feature_names
from app.pipelines.fields import FieldMapping
from app.pipelines.inference import WORDS_FOR_MISSING
from app.pipelines.mapping import Mapping
from app.pipelines.records import Record, Reject, records
from app.pipelines.tables import Row, Table

DRIVERS: Final = 5

Taken = tuple[Row, Record] | list[Reject]
Accepted = tuple[str, NDArray[np.float32]]


class NothingToScoreBy(Invalid):
    """The table lacks what the model needs."""


@dataclass(slots=True)
class Tally:
    """read = scored + refused."""

    read: int = 0
    scored: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Scoring:
    """A table to be scored by a bundle: where its answers, its refusals and its progress go."""

    bundle: Bundle
    table: Table
    mapping: Mapping
    as_of: date
    write: Callable[[dict[str, Sequence[Any]]], object]
    refuse: Callable[[Reject], object]
    progress: Callable[[float], object]


def fit_to(bundle: Bundle, bound: Bound) -> Mapping:
    """Read columns that were inferred as what the model was trained on, whatever they look like in this table.

    Raises NothingToScoreBy naming what the model requires and the mapping does not give.
    """
    known = {feature.name: feature for feature in (*bundle.contract.features, *bundle.contract.checked)}
    fields = {column: sources for column, sources in bound.fields.items() if column not in bound.inferred}
    for column, name in (*_inferred(bound), *feature_names(bound.left_out).items()):
        if name in known:
            form = next((source.format for source in bound.fields.get(column, ())), None)
            fields[column] = (_read_as(known[name], form),)
    mapping = bound.model_copy(update={"fields": fields})
    given = {feature.name for feature in mapping.features()}
    if lacking := [name for name in sorted(bundle.contract.needed - given) if not known[name].nullable]:
        raise NothingToScoreBy(f"the model needs {lacking[0]}, which neither the mapping nor the table gives")
    return mapping


def _inferred(bound: Bound) -> Iterator[tuple[str, str]]:
    return ((column, bound.fields[column][0].place[1]) for column in bound.fields if column in bound.inferred)


def _read_as(feature: Feature, form: str | None) -> FieldMapping:
    is_date = feature.type is FeatureType.DATE
    missing = () if feature.type is FeatureType.CATEGORY else tuple(WORDS_FOR_MISSING)
    return FieldMapping(
        to=f"features.{feature.name}", type=feature.type.value, format=form if is_date else None, missing=missing
    )


def score_table(job: Scoring) -> Tally:
    """Score row by row in chunks: memory does not grow with the table."""
    tally = Tally()
    taken = records(job.mapping, job.table)
    while chunk := list(islice(taken, CHUNK)):
        tally.read += len(chunk)
        kept = list(_accepted(job, chunk))
        if kept:
            job.write(_answers(job.bundle, kept))
        tally.scored += len(kept)
        job.progress(job.table.progress())
    tally.refused = tally.read - tally.scored
    return tally


def _accepted(job: Scoring, chunk: Sequence[Taken]) -> Iterator[Accepted]:
    """Keep the rows that the model takes, encoded, and say of every other why it does not."""
    contract = job.bundle.contract
    for taken in chunk:
        if isinstance(taken, list):
            for reject in taken:
                job.refuse(reject)
            continue
        record = taken[1]
        raw = {name: value for name, value in record.features.items() if name in contract.raw}
        try:
            yield record.subscriber_id, encode(contract, complete(contract, raw, job.as_of))
        except FeaturesRefused as refusal:
            for violation in refusal.violations:
                job.refuse(Reject(record.line, violation.pointer.removeprefix("/features/"), violation.detail))


def _answers(bundle: Bundle, kept: Sequence[Accepted]) -> dict[str, Sequence[Any]]:
    scores = score(bundle, np.concatenate([row for _, row in kept]))
    indexes, shares = strongest(bundle, scores.contributions, DRIVERS)
    names = np.array([feature.name for feature in bundle.contract.features], object)[indexes]
    answers: dict[str, Sequence[Any]] = {
        "id": [id for id, _ in kept],
        "probability": scores.probability.tolist(),
        "band": [band(bundle.manifest.bands, probability).value for probability in scores.probability.tolist()],
    }
    columns = range(names.shape[1])
    answers |= {f"driver_{rank + 1}": names[:, rank].tolist() for rank in columns}
    return answers | {f"contribution_{rank + 1}": shares[:, rank].tolist() for rank in columns}
