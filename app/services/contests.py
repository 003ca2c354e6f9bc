"""A decision somebody does not accept: a human looks at it, and meanwhile there is what everybody is offered."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import lock
from app.domain.access import Caller
from app.domain.decisions.impersonal import impersonal
from app.domain.interactions import Channel
from app.domain.tasks import TaskKind, TaskSource
from app.models import Contest, Decision, Subscriber, Task
from app.models.base import new_id
from app.schemas.decisions import AlternativeRead, ContestCreate, ContestRead
from app.services import policies, tasks
from app.services.access import require_agent
from app.services.decisions import get_decision
from app.services.interactions import seal_text, unseal_text
from app.services.subscribers import vault_of
from app.services.tasks import Duty
from app.settings import Settings
from app.vault import Vault

REVIEW_DESK: Final = "decision-review"
REASON: Final = "contest reason"
REVIEW_WITHIN: Final = timedelta(hours=72)


@dataclass(frozen=True, slots=True)
class Reviewing:
    """What it takes to have a human look at a decision."""

    session: AsyncSession
    vault: Vault
    settings: Settings
    caller: Caller
    at: datetime


async def contest(reviewing: Reviewing, decision_id: UUID, said: ContestCreate) -> tuple[ContestRead, bool]:
    """Have a human look at a decision; tells whether that is new: once is enough, whoever asks."""
    session, words = reviewing.session, reviewing.vault
    decision, subscriber = await get_decision(session, decision_id)
    await lock(session, "contest", str(decision_id))
    found = await session.get(Contest, (decision.pseudonym, decision.id))
    is_new = found is None
    if found is None:
        found = await _open(reviewing, decision, subscriber, said)
    task = await session.scalar(_task_of(decision, subscriber))
    shown = ContestRead(
        id=found.id,
        decision_id=decision.id,
        subscriber_id=subscriber.subscriber_id,
        task_id=task.id if task else None,
        owner=task.owner if task else REVIEW_DESK,
        due_at=found.due_at,
        contested_at=found.contested_at,
        reason=unseal_text(vault_of(subscriber, words), found.reason, REASON),
        alternative=[AlternativeRead.model_validate(each) for each in found.alternative],
    )
    return shown, is_new


async def _open(reviewing: Reviewing, decision: Decision, subscriber: Subscriber, said: ContestCreate) -> Contest:
    session, at = reviewing.session, reviewing.at
    owner = require_agent(reviewing.caller, said.owner) or subscriber.owner or REVIEW_DESK
    due_at = at + REVIEW_WITHIN
    duty = Duty(subscriber.subscriber_id, TaskKind.REVIEW, TaskSource.DECISION, decision.id, "contest", owner, due_at)
    await tasks.owe(session, [duty], at)
    opened = Contest(
        pseudonym=decision.pseudonym,
        decision_id=decision.id,
        id=new_id(),
        reason=seal_text(vault_of(subscriber, reviewing.vault), said.reason, REASON),
        alternative=await find_alternative(session, reviewing.settings, Channel(decision.channel), at),
        due_at=due_at,
        contested_at=at,
        caller_id=reviewing.caller.id,
    )
    session.add(opened)
    await session.flush()
    return opened


async def find_alternative(
    session: AsyncSession, settings: Settings, channel: Channel, at: datetime, language: str | None = None
) -> list[dict[str, str]]:
    """Return what everybody is offered over a channel, whatever is known of them: code, name, say."""
    published = await policies.current(session)
    rules = await policies.find_rulebook(session, published.version, language or settings.language)
    return [
        {"code": action.code, "name": action.name, "say": action.say}
        for action in impersonal(rules.catalogue, channel, at)
    ]


def _task_of(decision: Decision, subscriber: Subscriber) -> Select[Task]:
    return select(Task).where(Task.subscriber_id == subscriber.subscriber_id, Task.source_id == decision.id)
