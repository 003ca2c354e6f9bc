"""Tasks: written with the fact they come from, so that nothing asked of us can be forgotten."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, DateTime, bindparam, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.access import Caller
from app.domain.tasks import CallbackState, TaskKind, TaskSource, TaskStatus
from app.errors import Conflict, Invalid, NotFound
from app.models import Subscriber, Task
from app.models.base import new_id
from app.services import subscribers
from app.services.access import require_handover
from app.vault import Vault

Listed = Sequence[tuple[Task, Subscriber]]
NOTE: Final = "note"
FOLLOW_UP_DESK: Final = "follow-up-desk"


class TaskNotFound(NotFound):
    """There is no such task."""


class TaskSettled(Conflict):
    """The task is done or cancelled."""


class CallbackUnknown(Invalid):
    """The callback is not one of this subscriber's."""


@dataclass(frozen=True, slots=True)
class Duty:
    """What is owed, to whom, because of what, by whom and by when."""

    subscriber_id: str
    kind: TaskKind
    source: TaskSource
    source_id: UUID
    about: str
    owner: str
    due_at: datetime


# One statement however many there are: a list of VALUES would have to be compiled anew for each length.
_OWE: Final = text("""
    INSERT INTO tasks (subscriber_id, id, kind, source, source_id, about, owner, due_at,
                       status, version, created_at, updated_at)
    SELECT new.*, 'open', 1, :at, :at
    FROM unnest(CAST(:subscriber_ids AS text[]), CAST(:ids AS uuid[]), CAST(:kinds AS text[]), CAST(:sources AS text[]),
                CAST(:source_ids AS uuid[]), CAST(:abouts AS text[]), CAST(:owners AS text[]),
                CAST(:dues AS timestamptz[])) AS new
    ON CONFLICT (subscriber_id, kind, source_id) DO UPDATE
    SET status = 'open', due_at = excluded.due_at, completed_at = NULL, version = tasks.version + 1,
        updated_at = excluded.updated_at
    WHERE tasks.due_at <> excluded.due_at
""").bindparams(bindparam("at", type_=DateTime(timezone=True)))


async def owe(session: AsyncSession, duties: Iterable[Duty], at: datetime) -> None:
    """Write down what is owed; what is owed already because of the same fact is opened again with the new time."""
    owed = list(duties)
    if owed:
        columns = {
            "subscriber_ids": [duty.subscriber_id for duty in owed],
            "ids": [new_id() for _ in owed],
            "kinds": [duty.kind for duty in owed],
            "sources": [duty.source for duty in owed],
            "source_ids": [duty.source_id for duty in owed],
            "abouts": [duty.about for duty in owed],
            "owners": [duty.owner for duty in owed],
            "dues": [duty.due_at for duty in owed],
        }
        await session.execute(_OWE, columns | {"at": at})


async def withdraw(session: AsyncSession, subscriber_id: str, source_id: UUID, at: datetime) -> None:
    """Cancel what is still owed because of a fact that no longer stands."""
    await session.execute(
        update(Task)
        .where(Task.subscriber_id == subscriber_id, Task.source_id == source_id, Task.status == TaskStatus.OPEN.value)
        .values(status=TaskStatus.CANCELLED.value, version=Task.version + 1, updated_at=at)
    )


async def complete_callback(session: AsyncSession, subscriber_id: str, callback_id: UUID, at: datetime) -> Task:
    """Mark a callback as made; raises CallbackUnknown naming the field. Made before, it stays as it is."""
    query = select(Task).where(
        Task.subscriber_id == subscriber_id, Task.id == callback_id, Task.kind == TaskKind.CALLBACK.value
    )
    callback = await session.scalar(query.with_for_update())
    if callback is None:
        raise CallbackUnknown.at("/callback_id", "is not a callback of this subscriber")
    if callback.status != TaskStatus.DONE.value:
        _settle(callback, TaskStatus.DONE, at)
        callback.version += 1
        callback.updated_at = at
    return callback


async def get_task(session: AsyncSession, task_id: UUID, *, for_update: bool = False) -> tuple[Task, Subscriber]:
    query = select(Task, Subscriber).join(Subscriber, Subscriber.subscriber_id == Task.subscriber_id)
    query = query.where(Task.id == task_id)
    found = (await session.execute(query.with_for_update(of=Task) if for_update else query)).first()
    if found is None:
        raise TaskNotFound("there is no task with this id")
    task, subscriber = found
    return task, subscriber


async def list_tasks(
    session: AsyncSession, *wanted: ColumnElement[bool], after: tuple[datetime, UUID] | None, limit: int
) -> Listed:
    """List tasks, the first due first, from after the given one on."""
    query = select(Task, Subscriber).join(Subscriber, Subscriber.subscriber_id == Task.subscriber_id).where(*wanted)
    if after:
        query = query.where(tuple_(Task.due_at, Task.id) > tuple_(*after))
    rows = await session.execute(query.order_by(Task.due_at, Task.id).limit(limit))
    return [(task, subscriber) for task, subscriber in rows]


def wanted(**equal: str | None) -> list[ColumnElement[bool]]:
    """The conditions of a list: each column that was asked for has the value."""
    return subscribers.asked_of(Task, equal)


def in_state(state: CallbackState | None, at: datetime) -> list[ColumnElement[bool]]:
    """Callbacks that are due, overdue or done; all that were not cancelled when nothing is asked."""
    is_open = Task.status == TaskStatus.OPEN.value
    conditions: dict[CallbackState | None, list[ColumnElement[bool]]] = {
        CallbackState.DUE: [is_open, Task.due_at >= at],
        CallbackState.OVERDUE: [is_open, Task.due_at < at],
        CallbackState.DONE: [Task.status == TaskStatus.DONE.value],
        None: [Task.status != TaskStatus.CANCELLED.value],
    }
    return [Task.kind == TaskKind.CALLBACK.value, *conditions[state]]


def update_task(
    task: Task, subscriber: Subscriber, vault: Vault, caller: Caller, changes: dict[str, Any], at: datetime
) -> None:
    """Change the given fields; raises TaskSettled for a task that is no longer open."""
    if task.status != TaskStatus.OPEN.value:
        raise TaskSettled(f"the task is {task.status}")
    if owner := changes.get("owner"):
        require_handover(caller, task.owner, owner)
        task.owner = owner
    task.due_at = changes.get("due_at") or task.due_at
    if note := changes.get(NOTE):
        task.note = subscribers.vault_of(subscriber, vault).seal(note.encode(), NOTE)
    if status := changes.get("status"):
        _settle(task, TaskStatus(status), at)
    task.version += 1
    task.updated_at = at


def read_note(task: Task, subscriber: Subscriber, vault: Vault) -> str | None:
    return None if task.note is None else subscribers.vault_of(subscriber, vault).unseal(task.note, NOTE).decode()


def _settle(task: Task, status: TaskStatus, at: datetime) -> None:
    task.status = status.value
    task.completed_at = at if status is TaskStatus.DONE else None
