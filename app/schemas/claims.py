from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from app.schemas.base import Label, SubscriberId, Wire

USUAL_SECONDS = 15 * 60
MOST_SECONDS = 7 * 24 * 3600


class ClaimCreate(Wire):
    subscriber_id: SubscriberId
    purpose: Annotated[Label, Field(examples=["retention"])]
    owner: Annotated[Label, Field(description="Whose right it is: an agent, a desk, a campaign")]
    ttl_seconds: Annotated[int, Field(strict=True, ge=1, le=MOST_SECONDS)] = USUAL_SECONDS


class ClaimRead(Wire):
    id: UUID
    subscriber_id: str
    purpose: str
    owner: str
    claimed_at: datetime
    expires_at: datetime
