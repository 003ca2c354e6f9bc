"""Scoring a whole table: each row comes out once, with its strongest drivers, or as a refusal with its reasons."""

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from app.domain.features import Feature, FeatureType
from app.errors import Invalid
from app.ml.bundle import Bundle
from app.ml.columns import encode_columns
from app.ml.features import FeaturesRefused, complete, encode
from app.ml.scorer import CHUNK, score
from app.pipelines import plain
from app.pipelines.binding import Bound, feature_names
from app.pipelines.fields import FieldMapping
from app.pipelines.inference import WORDS_FOR_MISSING
from app.pipelines.mapping import Mapping
from app.pipelines.records import Record, Reject, records, taker
from app.pipelines.scored import as_batch, scored_columns
from app.pipelines.tables import Table

DRIVERS: Final = 5
AHEAD: Final = 4  # batches at work or waiting to be written

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
    write: Callable[[pa.RecordBatch], object]
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


@dataclass(frozen=True, slots=True)
class _Part:
    """Some rows of a table: how many there were, the answers [ids] of those that were taken, why others were not."""

    read: int
    ids: pa.Array
    answers: dict[str, pa.Array]
    rejects: list[Reject]


def score_table(job: Scoring) -> Tally:
    """Score in parts, in the table's order: memory does not grow with the table."""
    tally = Tally()
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for part in _by_columns(job, threads) if job.table.batches else _by_rows(job):
            for reject in part.rejects:
                job.refuse(reject)
            if len(part.ids):
                job.write(as_batch({"id": part.ids} | part.answers))
            tally.read += part.read
            tally.scored += len(part.ids)
            job.progress(job.table.progress())
    tally.refused = tally.read - tally.scored
    return tally


def _by_columns(job: Scoring, threads: ThreadPoolExecutor) -> Iterator[_Part]:
    """Score batches side by side, a few at a time; yield them in order."""
    assert job.table.batches  # noqa: S101  # it was looked at
    reader = plain.Reader(job.mapping)
    waiting: deque[Future[_Part]] = deque()
    for first, batch in job.table.batches():
        waiting.append(threads.submit(_score_batch, job, reader, first, batch))
        if len(waiting) > AHEAD:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _score_batch(job: Scoring, reader: plain.Reader, first: int, batch: pa.RecordBatch) -> _Part:
    """Score whole columns where their cells are plain, and judge the other rows one by one."""
    read = reader.read(batch)
    known = {name: column for name, column in read.features.items() if name in job.bundle.contract.raw}
    encoded = encode_columns(job.bundle.contract, known, len(batch), job.as_of)
    kept, matrix, ids = read.plain & encoded.plain, encoded.matrix, read.ids
    others = np.flatnonzero(~kept)
    rejects: list[Reject] = []
    if len(others):
        told, take = ids.to_pylist(), taker(job.mapping)
        for place, row in zip(others.tolist(), batch.take(pa.array(others)).to_pylist(), strict=True):
            found = _judge(job, take(first + place, row))
            if isinstance(found, list):
                rejects += found
            else:
                told[place], matrix[place] = found
                kept[place] = True
        ids = pa.array(told, pa.string())
    return _scored(job.bundle, len(batch), ids.filter(pa.array(kept)), matrix[kept], rejects)


def _by_rows(job: Scoring) -> Iterator[_Part]:
    taken = records(job.mapping, job.table)
    while chunk := list(islice(taken, CHUNK)):
        found = [_judge(job, one if isinstance(one, list) else one[1]) for one in chunk]
        kept = [one for one in found if not isinstance(one, list)]
        rejects = [reject for one in found if isinstance(one, list) for reject in one]
        ids = pa.array([id for id, _ in kept], pa.string())
        matrix = np.concatenate([cells for _, cells in kept]) if kept else _no_rows(job.bundle)
        yield _scored(job.bundle, len(chunk), ids, matrix, rejects)


def _no_rows(bundle: Bundle) -> NDArray[np.float32]:
    return np.empty((0, len(bundle.contract.features)), np.float32)


def _scored(bundle: Bundle, read: int, ids: pa.Array, matrix: NDArray[np.float32], rejects: list[Reject]) -> _Part:
    return _Part(read, ids, scored_columns(bundle, score(bundle, matrix), DRIVERS), rejects)


def _judge(job: Scoring, taken: Record | list[Reject]) -> Accepted | list[Reject]:
    """Return the row's id and its cells, if the model takes it, or else why not."""
    if isinstance(taken, list):
        return taken
    contract = job.bundle.contract
    raw = {name: value for name, value in taken.features.items() if name in contract.raw}
    try:
        return taken.subscriber_id, encode(contract, complete(contract, raw, job.as_of))
    except FeaturesRefused as refusal:
        return [Reject(taken.line, each.pointer.removeprefix("/features/"), each.detail) for each in refusal.violations]
