"""The shipped catalogues: what is missing is put in, what an operator changed stays."""

from importlib.resources import files
from typing import Any

import yaml
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Action, Touchpoint
from app.services.actions import compile_rule


async def add_missing(session: AsyncSession) -> int:
    """Put the shipped touchpoints and actions into the store; returns how many were new."""
    actions = _read("actions.yaml")
    for action in actions:
        compile_rule(action["eligibility"])
    added = 0
    for table, rows in ((Touchpoint, _read("touchpoints.yaml")), (Action, actions)):
        statement = insert(table).values(rows).on_conflict_do_nothing().returning(table.code)
        added += len((await session.scalars(statement)).all())
    return added


def _read(name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = yaml.safe_load((files("app") / "catalogue" / name).read_text(encoding="utf-8"))
    return rows
