"""Who calls, what they may do, whom they may see, and what for."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from app.reach import EVERYBODY, Reach

_NOUNS = (
    "scores",
    "subscribers",
    "interactions",
    "complaints",
    "surveys",
    "care",
    "decisions",
    "outcomes",
    "claims",
    "catalogue",
    "campaigns",
)

SCOPES: Final = frozenset(f"{noun}:{verb}" for noun in _NOUNS for verb in ("read", "write")) | {
    "reports:read",
    "watchlist:export",
    "models:admin",
    "privacy:admin",
}

# What an agent's screen does for the one person it shows; its token has those of them that its maker has.
CONSOLE_SCOPES: Final = frozenset(
    f"{noun}:{verb}"
    for noun in ("subscribers", "interactions", "complaints", "surveys", "care", "decisions", "outcomes", "claims")
    for verb in ("read", "write")
) | {"scores:read", "catalogue:read"}


class Purpose(StrEnum):
    """What somebody's data is looked at or changed for."""

    CARE = "care"
    RETENTION = "retention"
    COMPLAINT = "complaint"
    BILLING = "billing"
    FAULT = "fault"
    MARKETING = "marketing"
    ANALYSIS = "analysis"
    AUDIT = "audit"
    PERSONS_REQUEST = "persons_request"
    UNSTATED = "unstated"


@dataclass(frozen=True, slots=True)
class Caller:
    """The authenticated party. A key that carries an agent id speaks for that agent alone.

    `agents` are those whom it may name; where the operator has listed none, it may name any. `reach` is whom it sees.
    """

    id: UUID
    name: str
    scopes: frozenset[str]
    agent_id: str | None
    expires_at: datetime | None
    agents: frozenset[str] = frozenset()
    reach: Reach = EVERYBODY
