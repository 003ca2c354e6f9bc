"""The shipped catalogues: what is missing is put in, what an operator changed stays."""

from datetime import datetime
from importlib.resources import files
from typing import Any, Final

import yaml
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Action, Touchpoint
from app.services import policies
from app.services.expressions import compile_rule

_NO_NEED: Final = {"need": None}
_UNLIMITED: Final = {"capacity_per_day": None}


async def add_missing(session: AsyncSession, at: datetime) -> int:
    """Put the shipped touchpoints and actions into the store, and in force; returns how many were new."""
    touchpoints = await _without_other_promises(session, _read("touchpoints.yaml"))
    actions = [_UNLIMITED | action for action in _read("actions.yaml")]
    for action in actions:
        compile_rule(action["eligibility"])
    added = 0
    for table, rows in ((Touchpoint, touchpoints), (Action, actions)):
        statement = insert(table).values(rows).on_conflict_do_nothing().returning(table.code)
        added += len((await session.scalars(statement)).all())
    await policies.publish(session, at)
    return added


async def _without_other_promises(session: AsyncSession, shipped: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out what would promise otherwise than the operator does for the same need."""
    promised = select(Touchpoint.need, Touchpoint.promise_hours).where(Touchpoint.need.is_not(None))
    known = {row.need: row.promise_hours for row in await session.execute(promised)}
    return [
        _NO_NEED | row for row in shipped if known.get(row.get("need"), row["promise_hours"]) == row["promise_hours"]
    ]


def _read(name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = yaml.safe_load((files("app") / "catalogue" / name).read_text(encoding="utf-8"))
    return rows
