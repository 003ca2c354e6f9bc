from datetime import datetime
from uuid import UUID

from app.domain.tasks import TaskKind, TaskSource, TaskStatus
from app.schemas.base import AwareTime, FreeText, Label, Wire


class TaskUpdate(Wire):
    """The fields to change: what is left out stays."""

    status: TaskStatus | None = None
    owner: Label | None = None
    due_at: AwareTime | None = None
    note: FreeText | None = None


class TaskRead(Wire):
    id: UUID
    subscriber_id: str
    kind: TaskKind
    source: TaskSource
    source_id: UUID
    about: str
    owner: str
    due_at: datetime
    overdue: bool
    status: TaskStatus
    note: str | None
    completed_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime
