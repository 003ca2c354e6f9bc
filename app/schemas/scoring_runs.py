from datetime import datetime
from typing import Literal
from uuid import UUID

from app.domain.interactions import Channel
from app.domain.jobs import JobState
from app.schemas.base import Wire
from app.schemas.scores import ChurnKind, ModelRead


class ScoringRunCreate(Wire):
    """Score everybody for one kind of churn; next actions are weighed for a contact of ours by this channel."""

    churn_kind: ChurnKind = "port_out"
    channel: Channel = Channel.CALL


class ProgressRead(Wire):
    """How far a job has come: `done` of about `total`, and of those how many were scored and refused."""

    total: int
    done: int
    scored: int
    refused: int


class JobRead(Wire):
    """`refusals` counts why some were not scored, by the problem's name."""

    id: UUID
    kind: Literal["scoring_run"]
    state: JobState
    churn_kind: str
    channel: Channel
    model: ModelRead | None
    progress: ProgressRead
    refusals: dict[str, int]
    failure: str | None
    requested_at: datetime
    begun_at: datetime | None
    ended_at: datetime | None
