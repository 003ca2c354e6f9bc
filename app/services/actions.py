"""The action catalogue: each change of it is checked, and published with the rules in force."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.access import Caller
from app.domain.features import FeatureType, FeatureValue, is_protected
from app.errors import NotFound
from app.models import Action, FeatureDefinition
from app.schemas.actions import ActionWrite
from app.services import policies
from app.services.expressions import ANY, check_expression

# An example of every fact there is beside the features: what a rule may ask, and of which type it is.
FACTS: dict[str, dict[str, FeatureValue]] = {
    "subscriber": {
        "status": "active",
        "region": "east",
        "brand": "premium",
        "value_tier": "gold",
        "payment_type": "postpaid",
        "payer": "self",
        "locality": "local",
        "lifecycle_stage": "usage",
        "tenure_months": 1.0,
        "long_standing": True,
    },
    "score": {"probability": 1.0, "band": "high"},
    "complaints": {"open": 1.0, "open_faults": 1.0},
    "outcomes": {"accepted": 1.0, "declined": 1.0, "later": 1.0},
}
_EXAMPLES: dict[str, FeatureValue] = {
    FeatureType.NUMBER: 1.0,
    FeatureType.CATEGORY: "",
    FeatureType.BOOLEAN: True,
    FeatureType.DATE: "2026-01-01",
}


class ActionNotFound(NotFound):
    """There is no such action."""


async def list_actions(session: AsyncSession, *, after: str | None, limit: int) -> Sequence[Action]:
    query = select(Action).order_by(Action.code).limit(limit)
    return (await session.scalars(query.where(Action.code > after) if after else query)).all()


async def get_action(session: AsyncSession, code: str) -> Action:
    found = await session.get(Action, code)
    if found is None:
        raise ActionNotFound("there is no action with this code")
    return found


async def put_action(
    session: AsyncSession, caller: Caller, code: str, said: ActionWrite, at: datetime
) -> tuple[Action, bool]:
    """Create an action or replace it, and put it in force; tells whether it is new. Raises ExpressionRefused."""
    check_expression(said.eligibility, "/eligibility", FACTS | {"features": await _features(session), "context": ANY})
    action = await session.get(Action, code, with_for_update=True)
    is_new = action is None
    if action is None:
        action = Action(code=code)
        session.add(action)
    for name, value in columns_of(said).items():
        setattr(action, name, value)
    await policies.publish(session, at, caller.id)
    return action, is_new


def columns_of(said: ActionWrite) -> dict[str, Any]:
    """What is written of an action, as it is stored."""
    return {name: getattr(said, name) for name in ActionWrite.model_fields if name != "effect_prior"} | {
        "kind": said.kind.value,
        "channels": [channel.value for channel in said.channels],
        "caps": [cap.model_dump() for cap in said.caps],
        "effect_mean": said.effect_prior.mean,
        "effect_sd": said.effect_prior.sd,
    }


async def _features(session: AsyncSession) -> dict[str, FeatureValue]:
    known = await session.execute(select(FeatureDefinition.name, FeatureDefinition.type))
    return {name: _EXAMPLES[type] for name, type in known if not is_protected(name)}
