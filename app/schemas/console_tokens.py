from datetime import datetime
from typing import Annotated

from pydantic import AliasChoices, Field

from app.schemas.base import Label, SubscriberId, Wire


class ConsoleTokenCreate(Wire):
    """Whose screen it is for, and which person it shows."""

    subscriber_id: Annotated[SubscriberId, Field(validation_alias=AliasChoices("subscriber_id", "subscriber"))]
    agent_id: Annotated[
        Label | None,
        Field(
            validation_alias=AliasChoices("agent_id", "agent"),
            description="The agent it speaks for; the key's own if it carries one",
        ),
    ] = None


class ConsoleTokenRead(Wire):
    token: Annotated[str, Field(description="Send it as `Authorization: Bearer …`")]
    expires_at: datetime
    agent_id: str
    subscriber_id: str
    scopes: list[str]
