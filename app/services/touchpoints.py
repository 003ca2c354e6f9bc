"""The touchpoint catalogue."""

from collections.abc import Collection, Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.errors import Invalid, NotFound
from app.models import Touchpoint


class TouchpointNotFound(NotFound):
    """There is no such touchpoint."""


class TouchpointUnknown(Invalid):
    """The touchpoint is not in the catalogue."""


async def list_touchpoints(session: AsyncSession, *, after: str | None, limit: int) -> Sequence[Touchpoint]:
    query = select(Touchpoint).order_by(Touchpoint.code).limit(limit)
    return (await session.scalars(query.where(Touchpoint.code > after) if after else query)).all()


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
