from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from app.domain.tasks import CallbackState, TaskKind, TaskStatus, is_overdue
from app.models import Subscriber, Task
from app.routers import examples
from app.routers.deps import (
    AtDep,
    CallerDep,
    Cursor,
    IfMatch,
    Limit,
    ResourcesDep,
    SessionDep,
    allow,
    etag,
    require_version,
)
from app.routers.documented import reads, writes
from app.routers.unit_of_work import UnitOfWorkRoute
from app.schemas.base import Label, Page, SubscriberId, as_page, decode_time_cursor
from app.schemas.tasks import TaskRead, TaskUpdate
from app.services import tasks
from app.vault import Vault

router = APIRouter(tags=["tasks"], route_class=UnitOfWorkRoute)

Id = Annotated[UUID, Path()]


@router.get(
    "/v1/tasks",
    operation_id="list_tasks",
    summary="What is owed to subscribers, the first due first",
    dependencies=[allow("care:read")],
    responses=reads(),
)
async def list_tasks(
    session: SessionDep,
    resources: ResourcesDep,
    at: AtDep,
    subscriber_id: Annotated[SubscriberId | None, Query()] = None,
    owner: Annotated[Label | None, Query()] = None,
    kind: Annotated[TaskKind | None, Query()] = None,
    status: Annotated[TaskStatus | None, Query()] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[TaskRead]:
    asked = tasks.wanted(subscriber_id=subscriber_id, owner=owner, kind=kind, status=status)
    after = decode_time_cursor(cursor) if cursor is not None else None
    rows = await tasks.list_tasks(session, *asked, after=after, limit=limit + 1)
    return _page(rows, limit, resources.vault, at)


@router.get(
    "/v1/callbacks",
    operation_id="list_callbacks",
    summary="Callbacks within three days of a service: due, overdue or done, the first due first",
    dependencies=[allow("surveys:read")],
    responses=reads(),
)
async def list_callbacks(
    session: SessionDep,
    resources: ResourcesDep,
    at: AtDep,
    state: Annotated[CallbackState | None, Query()] = None,
    subscriber_id: Annotated[SubscriberId | None, Query()] = None,
    owner: Annotated[Label | None, Query()] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[TaskRead]:
    asked = tasks.in_state(state, at) + tasks.wanted(subscriber_id=subscriber_id, owner=owner)
    after = decode_time_cursor(cursor) if cursor is not None else None
    rows = await tasks.list_tasks(session, *asked, after=after, limit=limit + 1)
    return _page(rows, limit, resources.vault, at)


@router.get(
    "/v1/tasks/{task_id}",
    operation_id="get_task",
    summary="One task",
    dependencies=[allow("care:read")],
    responses=reads(404),
)
async def get_task(
    task_id: Id, session: SessionDep, resources: ResourcesDep, at: AtDep, response: Response
) -> TaskRead:
    task, subscriber = await tasks.get_task(session, task_id)
    response.headers["ETag"] = etag(task.version)
    return _read(task, subscriber, resources.vault, at)


@router.patch(
    "/v1/tasks/{task_id}",
    operation_id="update_task",
    summary="Hand a task on, move its time, or settle it",
    dependencies=[allow("care:write")],
    responses=writes(404, 409, 412, 428),
    openapi_extra=examples.body(examples.TASK_CHANGE),
)
async def update_task(
    task_id: Id,
    changes: TaskUpdate,
    if_match: IfMatch,
    session: SessionDep,
    caller: CallerDep,
    resources: ResourcesDep,
    at: AtDep,
    response: Response,
) -> TaskRead:
    task, subscriber = await tasks.get_task(session, task_id, for_update=True)
    require_version(if_match, task.version)
    tasks.update_task(task, subscriber, resources.vault, caller, changes.model_dump(exclude_unset=True), at)
    response.headers["ETag"] = etag(task.version)
    return _read(task, subscriber, resources.vault, at)


def _page(rows: tasks.Listed, limit: int, vault: Vault, at: datetime) -> Page[TaskRead]:
    items = [_read(task, subscriber, vault, at) for task, subscriber in rows]
    return as_page(items, limit, lambda item: (item.due_at.isoformat(), str(item.id)))


def _read(task: Task, subscriber: Subscriber, vault: Vault, at: datetime) -> TaskRead:
    columns = {name: getattr(task, name) for name in TaskRead.model_fields if hasattr(task, name)}
    overdue = is_overdue(TaskStatus(task.status), task.due_at, at)
    return TaskRead.model_validate(columns | {"overdue": overdue, "note": tasks.read_note(task, subscriber, vault)})
