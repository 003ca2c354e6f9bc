"""Warnings of group churn: each opened once, with a playbook for the group as a whole."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, or_, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import Sessions, at_leisure, transaction
from app.domain.access import Caller
from app.domain.warnings import RESTS, Measure, WarningSource, due_times, warns
from app.errors import Conflict, NotFound
from app.models import Group, GroupWarning
from app.models.base import new_id
from app.schemas.warnings import WarningCreate, WarningUpdate
from app.services import subscribers
from app.services.access import require_agent, require_handover
from app.services.group_signals import GroupFigures, read_group, read_groups
from app.services.groups import get_group
from app.settings import Settings

KEY_ACCOUNTS: Final = "key-account-desk"
Listed = tuple[GroupWarning, Group]
_SEVERITY: Final = func.coalesce(GroupWarning.severity, 0)


class WarningNotFound(NotFound):
    """There is no such warning."""


class GroupEmpty(Conflict):
    """The group has no members whom a warning could be about."""


class WarningClosed(Conflict):
    """The warning is closed."""


async def watch(sessions: Sessions, settings: Settings, at: datetime) -> dict[str, int]:
    """Open a warning for each group whose figures warn and that is not warned of, or was not just now."""
    async with transaction(sessions) as session:
        await at_leisure(session)
        found = [figures async for figures in read_groups(session, settings) if warns(figures.readings)]
        fresh = [figures for figures in found if not await _is_known(session, figures, at)]
        opened = [await session.scalar(_opened(figures, None, WarningSource.SIGNALS, at)) for figures in fresh]
    return {"warned": sum(id is not None for id in opened)}


async def report(
    session: AsyncSession, settings: Settings, caller: Caller, wanted: WarningCreate, at: datetime
) -> tuple[Listed, bool]:
    """Open a warning on somebody's word, or give the one that is open; tells whether it was opened now.

    Raises GroupNotFound or GroupEmpty.
    """
    require_agent(caller, wanted.owner)
    await get_group(session, wanted.group_id)
    figures = await read_group(session, settings, wanted.group_id)
    if figures is None:
        raise GroupEmpty("nobody whom this key reaches is a member of this group")
    opened = await session.scalar(_opened(figures, wanted.owner, WarningSource.REPORTED, at))
    found = select(GroupWarning.id).where(GroupWarning.group_id == wanted.group_id, GroupWarning.closed_at.is_(None))
    id = opened or (await session.scalars(found)).one()
    return await get_warning(session, id), opened is not None


async def get_warning(session: AsyncSession, warning_id: UUID, *, for_update: bool = False) -> Listed:
    query = _warnings().where(GroupWarning.id == warning_id)
    found = (await session.execute(query.with_for_update(of=GroupWarning) if for_update else query)).first()
    if found is None:
        raise WarningNotFound("there is no warning with this id")
    return found[0], found[1]


async def list_warnings(
    session: AsyncSession, *wanted: ColumnElement[bool], after: tuple[Decimal, UUID] | None, limit: int
) -> Sequence[Listed]:
    """List warnings, the most revenue first, from after the given one on."""
    query = _warnings().where(*wanted)
    if after is not None:
        query = query.where(tuple_(_SEVERITY, GroupWarning.id) < tuple_(*after))
    rows = await session.execute(query.order_by(_SEVERITY.desc(), GroupWarning.id.desc()).limit(limit))
    return [(warning, group) for warning, group in rows]


def wanted(*, is_open: bool | None, **equal: str | None) -> list[ColumnElement[bool]]:
    """The conditions of a list: what was asked for has the value."""
    return subscribers.asked_of(GroupWarning, equal) + subscribers.in_progress(GroupWarning.closed_at, is_open=is_open)


def update_warning(warning: GroupWarning, caller: Caller, changes: WarningUpdate, at: datetime) -> None:
    """Note measures taken, pass the warning on, or close it with its result; raises WarningClosed."""
    if warning.closed_at is not None:
        raise WarningClosed("the warning is closed; if the group's figures warn again, another is opened")
    if changes.owner:
        require_handover(caller, warning.owner, changes.owner)
        warning.owner = changes.owner
    warning.playbook = [
        step | {"done_at": at.isoformat()} if step["measure"] in changes.done and step["done_at"] is None else step
        for step in warning.playbook
    ]
    if changes.result:
        warning.result = changes.result.value
        warning.closed_at = at
    warning.version += 1
    warning.updated_at = at


def _warnings() -> Select[GroupWarning, Group]:
    return select(GroupWarning, Group).join(Group, Group.group_id == GroupWarning.group_id)


async def _is_known(session: AsyncSession, figures: GroupFigures, at: datetime) -> bool:
    """Tell whether a warning is open, was closed a short while ago, or was given on these very figures."""
    heeded = or_(
        GroupWarning.closed_at.is_(None), GroupWarning.closed_at > at - RESTS, GroupWarning.as_of >= figures.as_of
    )
    query = select(GroupWarning.id).where(GroupWarning.group_id == figures.group_id, heeded).limit(1)
    return await session.scalar(query) is not None


def _opened(figures: GroupFigures, owner: str | None, source: WarningSource, at: datetime) -> Any:
    """Open a warning unless one of its group is: of two at once, one is."""
    row = {
        "id": new_id(),
        "group_id": figures.group_id,
        "source": source.value,
        "signals": [
            {"signal": signal.value, "before": reading.before, "after": reading.after}
            for signal, reading in figures.readings.items()
        ],
        "member_count": figures.members,
        "severity": figures.revenue,
        "as_of": figures.as_of,
        "owner": owner or figures.owner or KEY_ACCOUNTS,
        "playbook": [_step(measure, due) for measure, due in due_times(at).items()],
        "opened_at": at,
        "version": 1,
        "updated_at": at,
    }
    return insert(GroupWarning).values(row).on_conflict_do_nothing().returning(GroupWarning.id)


def _step(measure: Measure, due_at: datetime) -> dict[str, Any]:
    return {"measure": measure.value, "due_at": due_at.isoformat(), "done_at": None}
