"""Tables whose columns are the fields of a wire shape: each row goes through the same rules as the same body would."""

import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import groupby, islice
from typing import Any, Final, NamedTuple

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import Sessions, transaction
from app.errors import AppError, Invalid
from app.pipelines.records import Reject
from app.pipelines.tables import BadRow, Table
from app.schemas.base import Wire
from app.schemas.surveys import SurveyResponseCreate
from app.schemas.touchpoints import TouchpointRow
from app.services import access, surveys, touchpoints
from app.services.complaints import Desk
from app.services.touchpoints import Change
from app.services.working_time import calendar_of
from app.settings import Settings
from app.vault import Vault

CHUNK_ITEMS: Final = 500
CALLER: Final = "stayline import"
_PARTED: Final = re.compile(r"[|;]")
_ANSWER: Final = ("item", "dimension", "score", "ideal", "adequate", "perceived", "weight")


class Into(StrEnum):
    """What a table's rows may become, besides subscribers."""

    TOUCHPOINTS = "touchpoints"
    SURVEY_RESPONSES = "survey-responses"


class ColumnUnknown(Invalid):
    """The table has a column that is no field."""


class Item(NamedTuple):
    """One item's rows: where it begins, and what it says."""

    line: int
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Noun:
    """How rows become items of a kind, and how one is stored."""

    shape: type[Wire]
    columns: frozenset[str]
    lists: frozenset[str]
    numbers: frozenset[str]
    items: Callable[[Iterable[Item]], Iterator[Item]]
    store: Callable[[AsyncSession, Desk, Any], Awaitable[Change]]


@dataclass(slots=True)
class Tally:
    """Counts that add up: items = created + changed + unchanged + refused."""

    items: int = 0
    refused: int = 0
    changes: dict[Change, int] = field(default_factory=lambda: dict.fromkeys(Change, 0))


@dataclass(frozen=True, slots=True)
class RowImport:
    """One import: a table, what it becomes, who hears of refusals and progress (0…1)."""

    table: Table
    into: Into
    refuse: Callable[[Reject], object]
    progress: Callable[[float], None]


async def import_rows(
    sessions: Sessions, vault: Vault, settings: Settings, job: RowImport, clock: Callable[[], datetime]
) -> Tally:
    """Store the items one by one, a chunk a transaction: one that is refused leaves the others as they are."""
    noun = NOUNS[job.into]
    if unknown := sorted(set(job.table.columns) - noun.columns):
        raise ColumnUnknown(f"the column {unknown[0]!r} is no field of {job.into}; known: {', '.join(noun.columns)}")
    async with transaction(sessions) as session:
        caller = await access.find_or_make_own_caller(session, CALLER, clock(), settings.agents)
    tally = Tally()
    items = noun.items(_read(noun, job, tally))
    while chunk := list(islice(items, CHUNK_ITEMS)):
        async with transaction(sessions) as session:
            desk = Desk(caller, vault, calendar_of(settings), clock())
            for item in chunk:
                await _store(session, noun, desk, item, job.refuse, tally)
        job.progress(job.table.progress())
    return tally


def _read(noun: Noun, job: RowImport, tally: Tally) -> Iterator[Item]:
    """Rows as bodies: an empty cell says nothing, a list is parted by `|` or `;`, a number is read where one belongs.

    A line that is no row is an item that is refused.
    """
    for line, row in job.table.rows():
        if isinstance(row, BadRow):
            tally.items += 1
            tally.refused += 1
            job.refuse(Reject(line, "", row.reason))
            continue
        yield Item(line, {name: _value(noun, name, cell) for name, cell in row.items() if not _is_empty(cell)})


def _is_empty(cell: object) -> bool:
    return cell is None or cell == ""


def _value(noun: Noun, name: str, cell: Any) -> Any:
    if not isinstance(cell, str):
        return cell
    if name in noun.lists:
        return [part.strip() for part in _PARTED.split(cell) if part.strip()]
    if name in noun.numbers:
        try:
            return json.loads(cell)
        except ValueError:
            return cell  # refused by the field's own rule, which says what it wants
    return cell


async def _store(
    session: AsyncSession, noun: Noun, desk: Desk, item: Item, refuse: Callable[[Reject], object], tally: Tally
) -> None:
    tally.items += 1
    try:
        checked = noun.shape.model_validate(item.body)
        async with session.begin_nested():
            change = await noun.store(session, desk, checked)
        tally.changes[change] += 1
    except ValidationError as error:
        tally.refused += 1
        for fault in error.errors(include_url=False):
            refuse(Reject(item.line, ".".join(map(str, fault["loc"])), fault["msg"].removeprefix("Value error, ")))
    except AppError as error:
        tally.refused += 1
        for pointer, detail in error.violations or [("", error.detail)]:
            refuse(Reject(item.line, pointer.strip("/").replace("/", "."), detail))


async def _store_touchpoint(session: AsyncSession, _: Desk, row: TouchpointRow) -> Change:
    return (await touchpoints.put_touchpoint(session, row.code, row))[1]


async def _store_response(session: AsyncSession, desk: Desk, response: SurveyResponseCreate) -> Change:
    *_, is_new = await surveys.record_response(session, desk, response)
    return Change.CREATED if is_new else Change.UNCHANGED


def _responses(rows: Iterable[Item]) -> Iterator[Item]:
    """Each row is one answer; neighbouring rows of one `client_reference` are one person's.

    Rows without one are named by what they say, so that the same table twice changes nothing.
    """
    named = (Item(row.line, {"client_reference": _digest(row.body)} | row.body) for row in rows)
    for _, group in groupby(named, key=lambda row: row.body["client_reference"]):
        answers = list(group)
        body = {name: value for name, value in answers[0].body.items() if name not in _ANSWER}
        told = [{name: row.body[name] for name in _ANSWER if name in row.body} for row in answers]
        yield Item(answers[0].line, body | {"answers": told})


def _digest(body: Mapping[str, Any]) -> str:
    return "row-" + hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()[:40]


NOUNS: Final[Mapping[Into, Noun]] = {
    Into.TOUCHPOINTS: Noun(
        shape=TouchpointRow,
        columns=frozenset(TouchpointRow.model_fields),
        lists=frozenset({"customer_types", "services", "channels"}),
        numbers=frozenset({"promise_hours"}),
        items=iter,
        store=_store_touchpoint,
    ),
    Into.SURVEY_RESPONSES: Noun(
        shape=SurveyResponseCreate,
        columns=frozenset(SurveyResponseCreate.model_fields) - {"answers"} | set(_ANSWER),
        lists=frozenset(),
        numbers=frozenset({"scale_max", "score", "ideal", "adequate", "perceived", "weight"}),
        items=_responses,
        store=_store_response,
    ),
}
