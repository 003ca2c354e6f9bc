"""Scores of whole tables: an Arrow stream in, one out, a row for each row.

Plain rows are scored as columns. Every other is asked about as an item of a JSON batch is, and answered the same.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Annotated, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json
from sqlalchemy.ext.asyncio import AsyncSession

from app.errors import AppError, Invalid, Violation, json_pointer
from app.ml import scorer
from app.ml.bundle import Bundle
from app.ml.columns import encode_columns, is_text
from app.ml.traffic import Traffic
from app.pipelines.plain import are_ids
from app.pipelines.scored import as_batch, scored_columns
from app.pipelines.streams import read_stream, slices, write_stream
from app.schemas.base import MOST_ITEMS, JudgedAlone
from app.schemas.scores import ScoreRequest
from app.schemas.violations import refusal_of
from app.services import scores
from app.services.scores import Bundles
from app.settings import Settings

ID: Final = "subscriber_id"
PROBLEM: Final = "problem"
_ITEMS: Final[TypeAdapter[list[Any]]] = TypeAdapter(list[Annotated[ScoreRequest, JudgedAlone]])


class ColumnsRefused(Invalid):
    """The columns do not fit the model's input contract."""


@dataclass(frozen=True, slots=True)
class Asking:
    """How a stream is to be scored."""

    bundles: Bundles
    traffic: Traffic
    settings: Settings
    churn_kind: str
    drivers: int
    at: datetime


@dataclass(slots=True)
class Answered:
    """The answer's bytes, how many of each band it holds, and who was looked up for it."""

    stream: bytes = b""
    bands: Counter[str] = field(default_factory=Counter)
    looked_up: list[str] = field(default_factory=list)


async def score_stream(session: AsyncSession, asking: Asking, body: bytes) -> Answered:
    """Score a stream's rows. Raises NotAStream, StreamRefused, ColumnsRefused, ChurnKindUnknown, NoModel."""
    bundle = scores.get_bundle(asking.bundles, asking.churn_kind)
    table = await asyncio.to_thread(read_stream, body)
    _require_columns(bundle, table.schema)
    answered = Answered()
    batches: list[pa.RecordBatch] = []
    looked_at = 0
    for batch in slices(table):
        coded = await asyncio.to_thread(_code, bundle, batch, asking)
        others = np.flatnonzero(~coded.plain)
        looked_at += len(others)
        if looked_at > MOST_ITEMS:
            raise ColumnsRefused.at("", f"has more than {MOST_ITEMS:,} rows that only a look at each can tell")
        beside = await _look_again(session, asking, batch, coded, others) if len(others) else _Beside({}, {})
        taken = np.ones(len(batch), bool)
        taken[list(beside.problems)] = False
        answer, found = await asyncio.to_thread(_score, bundle, asking.drivers, coded, beside, ~taken)
        batches.append(answer)
        asking.traffic.note(bundle, coded.matrix[taken], found.probability[taken], asking.at.date())
        answered.bands.update(answer.column("band").drop_null().to_pylist())
        answered.looked_up += [coded.ids[place].as_py() for place in beside.days] if coded.ids is not None else []
    answered.stream = await asyncio.to_thread(write_stream, batches, _about(bundle))
    return answered


def _require_columns(bundle: Bundle, schema: pa.Schema) -> None:
    known = bundle.contract.raw | {ID}
    wrong = [
        Violation(json_pointer(name), "is not a feature of this model" if times == 1 else "is there twice")
        for name, times in Counter(schema.names).items()
        if name not in known or times > 1
    ]
    if ID in schema.names and not is_text(schema.field(ID).type):
        wrong.append(Violation(f"/{ID}", "must be a column of texts"))
    if wrong:
        raise ColumnsRefused("Some columns do not fit the model's input contract.", wrong)


class _Coded(NamedTuple):
    """Some rows: their ids, the model's input [rows, features], and which rows are plain."""

    ids: pa.Array | None
    matrix: NDArray[np.float32]
    plain: NDArray[np.bool_]


class _Beside(NamedTuple):
    """What a second look told, by a row's place: of which day its features are, or why it is refused."""

    days: dict[int, date]
    problems: dict[int, str]


def _code(bundle: Bundle, batch: pa.RecordBatch, asking: Asking) -> _Coded:
    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    ids = columns.pop(ID, None)
    matrix, plain = encode_columns(bundle.contract, columns, len(batch), asking.settings.today(asking.at))
    if ids is not None:
        gives_all = columns.keys() >= bundle.contract.needed
        plain = plain & are_ids(ids) if gives_all else np.zeros(len(batch), bool)
    return _Coded(ids, matrix, plain)


async def _look_again(
    session: AsyncSession, asking: Asking, batch: pa.RecordBatch, coded: _Coded, others: NDArray[np.intp]
) -> _Beside:
    """Ask about rows as items of a JSON batch are asked about; those that are taken come into the matrix."""
    items = _ITEMS.validate_python([_as_item(row, asking) for row in batch.take(pa.array(others)).to_pylist()])
    valid = [item for item in items if not isinstance(item, ValidationError)]
    found = iter(await scores.prepare(session, asking.bundles, asking.settings, valid, asking.at))
    beside = _Beside({}, {})
    for place, item in zip(others.tolist(), items, strict=True):
        judged = refusal_of(item) if isinstance(item, ValidationError) else next(found)
        if isinstance(judged, AppError):
            beside.problems[place] = _in_words(judged)
            continue
        coded.matrix[place] = judged.row.cells
        if judged.as_of:
            beside.days[place] = judged.as_of
    return beside


def _as_item(row: dict[str, Any], asking: Asking) -> dict[str, Any]:
    given = {name: value.isoformat() if type(value) is date else value for name, value in row.items()}
    id = given.pop(ID, None)
    return {"subscriber_id": id, "features": given or None, "churn_kind": asking.churn_kind, "drivers": asking.drivers}


def _in_words(refusal: AppError) -> str:
    """Say in one cell what a problem says in many fields."""
    return "; ".join(f"{each.pointer} {each.detail}" for each in refusal.violations) or refusal.detail


def _score(
    bundle: Bundle, drivers: int, coded: _Coded, beside: _Beside, missing: NDArray[np.bool_]
) -> tuple[pa.RecordBatch, scorer.Scores]:
    """Score the rows and lay out their answers; those that are `missing` are null, but for their problem."""
    found = scorer.score(bundle, coded.matrix)
    columns = scored_columns(bundle, found, drivers, missing)
    named = sum(columns[name].to_numpy(zero_copy_only=False) for name in columns if name.startswith("contribution_"))
    columns["logit"] = pa.array(found.logit, mask=missing)
    columns["other_contribution"] = pa.array(found.logit - bundle.manifest.intercept - named, mask=missing)
    columns["as_of"] = _placed(beside.days, len(coded.matrix), pa.date32())
    columns[PROBLEM] = _placed(beside.problems, len(coded.matrix), pa.string())
    return as_batch(({ID: coded.ids} if coded.ids is not None else {}) | columns), found


def _placed(told: Mapping[int, date | str], rows: int, kind: pa.DataType) -> pa.Array:
    """Make a column of what was told of some rows, and null of the others."""
    return pa.array([told.get(row) for row in range(rows)], kind) if told else pa.nulls(rows, kind)


def _about(bundle: Bundle) -> dict[str, str]:
    """What is the same for all rows."""
    manifest = bundle.manifest
    return {
        "churn_kind": manifest.churn_kind,
        "horizon_days": str(manifest.horizon_days),
        "baseline_logit": repr(manifest.intercept),
        "model": to_json(scores.present_model(bundle)).decode(),
    }
