"""The action catalogue, and its eligibility rules made ready to ask."""

import hashlib
import json
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.decisions.context import Action, ActionKind, Cap, Effect, Facts, FactUnknown
from app.domain.interactions import Channel
from app.errors import NotFound
from app.models import Action as ActionRow
from app.services.expressions import compile_expression


class ActionNotFound(NotFound):
    """There is no such action."""


async def list_actions(
    session: AsyncSession, *, after: str | None = None, limit: int | None = None
) -> Sequence[ActionRow]:
    query = select(ActionRow).order_by(ActionRow.code).limit(limit)
    return (await session.scalars(query.where(ActionRow.code > after) if after else query)).all()


async def get_action(session: AsyncSession, code: str) -> ActionRow:
    found = await session.get(ActionRow, code)
    if found is None:
        raise ActionNotFound("there is no action with this code")
    return found


def as_domain(row: ActionRow, language: str) -> Action:
    return Action(
        code=row.code,
        name=row.name,
        kind=ActionKind(row.kind),
        channels=frozenset(Channel(channel) for channel in row.channels),
        eligibility=row.eligibility,
        is_eligible=compile_rule(row.eligibility),
        contact_cost=row.contact_cost,
        accept_cost=row.accept_cost,
        monthly_arpu_effect=row.monthly_arpu_effect,
        horizon_days=row.horizon_days,
        effect=Effect(row.effect_mean, row.effect_sd),
        p_accept=row.p_accept,
        caps=tuple(Cap(cap["window_days"], cap["max"]) for cap in row.caps),
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        say=row.say.get(language) or row.say["en"],
    )


def version_of(rows: Sequence[ActionRow], *settings: object) -> str:
    """Name the policy these actions and settings make: equal policies have equal names."""
    columns = [column.key for column in ActionRow.__table__.columns]
    content: Any = [[{key: getattr(row, key) for key in columns} for row in rows], settings]
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:16]


@cache
def compile_rule(expression: str) -> Callable[[Facts], bool]:
    """Compile a CEL expression over the documented facts. A rule that cannot be answered raises FactUnknown.

    The cache is as large as the catalogue: expressions come from it alone.
    """
    program = compile_expression(expression)

    def holds(facts: Facts) -> bool:
        try:
            return program.execute(dict(facts)) is True
        except KeyError as error:
            raise FactUnknown(str(error.args[0])) from error
        except (RuntimeError, TypeError, ValueError, ZeroDivisionError) as error:
            raise FactUnknown("its value") from error

    return holds
