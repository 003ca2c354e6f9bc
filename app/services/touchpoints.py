"""The touchpoint catalogue."""

from collections.abc import Collection, Sequence
from enum import StrEnum

from sqlalchemy import ARRAY, ColumnElement, Text, cast, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import lock
from app.errors import Conflict, Invalid, NotFound, Violation
from app.models import Touchpoint
from app.schemas.touchpoints import TouchpointWrite


class TouchpointNotFound(NotFound):
    """There is no such touchpoint."""


class PromiseConflict(Conflict):
    """Two touchpoints promise differently for one need."""


class Change(StrEnum):
    """What a write did."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


class TouchpointUnknown(Invalid):
    """The touchpoint is not in the catalogue."""


async def list_touchpoints(
    session: AsyncSession, *wanted: ColumnElement[bool], after: str | None, limit: int
) -> Sequence[Touchpoint]:
    query = select(Touchpoint).where(*wanted).order_by(Touchpoint.code).limit(limit)
    return (await session.scalars(query.where(Touchpoint.code > after) if after else query)).all()


def wanted(
    *, customer_type: str | None, service: str | None, channel: str | None, **equal: str | None
) -> list[ColumnElement[bool]]:
    """The conditions of a list: what serves a customer type, a service and a channel, and has the given values."""
    conditions: list[ColumnElement[bool]] = [
        getattr(Touchpoint, name) == value for name, value in equal.items() if value is not None
    ]
    for column, value in ((Touchpoint.customer_types, customer_type), (Touchpoint.services, service)):
        if value is not None:
            conditions.append(or_(column == cast([], ARRAY(Text)), column.contains(cast([value], ARRAY(Text)))))
    if channel is not None:
        conditions.append(Touchpoint.channels.contains(cast([channel], ARRAY(Text))))
    return conditions


async def put_touchpoint(session: AsyncSession, code: str, said: TouchpointWrite) -> tuple[Touchpoint, Change]:
    """Create a touchpoint or replace it; tells which. Raises PromiseConflict."""
    await _require_one_promise(session, code, said)
    fields = said.model_dump(mode="json", exclude={"code"})
    touchpoint = await session.get(Touchpoint, code, with_for_update=True)
    if touchpoint is None:
        touchpoint = Touchpoint(code=code, **fields)
        session.add(touchpoint)
        await session.flush()
        return touchpoint, Change.CREATED
    before = {name: getattr(touchpoint, name) for name in fields}
    for name, value in fields.items():
        setattr(touchpoint, name, value)
    return touchpoint, Change.UNCHANGED if before == fields else Change.CHANGED


async def _require_one_promise(session: AsyncSession, code: str, said: TouchpointWrite) -> None:
    """Two promises for one need are a promise broken: whoever is told the shorter one will be told the longer."""
    if said.need is None:
        return
    await lock(session, "promise", said.need)
    others = select(Touchpoint).where(
        Touchpoint.need == said.need, Touchpoint.code != code, Touchpoint.promise_hours != said.promise_hours
    )
    if other := await session.scalar(others.order_by(Touchpoint.code).limit(1)):
        detail = (
            f"promises {said.promise_hours} hours for {said.need}, while {other.code} promises {other.promise_hours}"
        )
        raise PromiseConflict(f"{code} {detail}", [Violation("/promise_hours", detail)])


async def get_touchpoint(session: AsyncSession, code: str) -> Touchpoint:
    found = await session.get(Touchpoint, code)
    if found is None:
        raise TouchpointNotFound("there is no touchpoint with this code")
    return found


async def require_touchpoint(session: AsyncSession, code: str) -> Touchpoint:
    """Return the touchpoint a body names; raises TouchpointUnknown naming the field."""
    found = await session.get(Touchpoint, code)
    if found is None:
        raise unknown()
    return found


async def list_known(session: AsyncSession, codes: Collection[str]) -> set[str]:
    """Return those codes that are in the catalogue."""
    return set(await session.scalars(select(Touchpoint.code).where(Touchpoint.code.in_(codes))))


def unknown() -> Invalid:
    return TouchpointUnknown.at("/touchpoint", "is not in the touchpoint catalogue")
