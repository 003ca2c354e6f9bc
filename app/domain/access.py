"""Who calls, and what they may do."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

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


@dataclass(frozen=True, slots=True)
class Caller:
    """The authenticated party. A key that carries an agent id speaks for that agent alone.

    `agents` are those whom it may name; where the operator has listed none, it may name any.
    """

    id: UUID
    name: str
    scopes: frozenset[str]
    agent_id: str | None
    expires_at: datetime | None
    agents: frozenset[str] = frozenset()
