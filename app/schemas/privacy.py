from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from app.schemas.base import Wire


class PersonExport(Wire):
    """Everything that is stored of a person, under all their ids, by table: what was sealed is opened."""

    subscriber_id: str
    exported_at: datetime
    tables: Annotated[dict[str, list[dict[str, Any]]], Field(description="Rows in the order of their keys")]


class AccessRead(Wire):
    """One request in which the person's data was read or changed."""

    id: UUID
    at: datetime
    caller: Annotated[str, Field(description="The name of the key, or the subject of the token")]
    caller_id: UUID
    agent_id: str | None
    operation: str
    status: int
    purpose: str
    request_id: str
