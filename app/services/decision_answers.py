"""What a decision says, in the shapes of the wire."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from app.domain.decisions.context import Churn, DecisionContext, PastOutcome
from app.domain.decisions.engine import Chosen, Verdicts
from app.schemas.decisions import (
    DecidedActionRead,
    DecisionRead,
    DecisionScoreRead,
    LastContactRead,
    PreviewRead,
    TraceDetail,
    TraceEntryRead,
)
from app.services import scores
from app.services.scores import Score


@dataclass(frozen=True, slots=True)
class Shown:
    """What an answer shows beside the engine's verdicts."""

    score: Score | None
    as_of: date | None
    is_stale: bool
    policy_version: str
    currency: str


def answer_of(subscriber_id: str, context: DecisionContext, verdicts: Verdicts, shown: Shown) -> dict[str, Any]:
    """The fields of a DecisionAnswer."""
    return {
        "subscriber_id": subscriber_id,
        "channel": context.channel,
        "direction": context.direction,
        "decided_at": context.at,
        "actions": [_decided(chosen, context.churn) for chosen in verdicts.chosen],
        "none_because": verdicts.none_because,
        "trace": [TraceEntryRead.model_construct(**asdict(entry)) for entry in verdicts.trace],
        "last_contact": _last_contact(context.outcomes),
        "score": _scored(shown, shown.score) if shown.score else None,
        "policy_version": shown.policy_version,
        "currency": shown.currency,
    }


def _last_contact(outcomes: Sequence[PastOutcome]) -> LastContactRead | None:
    if not outcomes:
        return None
    last = outcomes[-1]
    return LastContactRead(action=last.action, at=last.at, outcome=last.outcome)


def _scored(shown: Shown, score: Score) -> DecisionScoreRead:
    return DecisionScoreRead(
        probability=score.probability,
        band=score.band,
        horizon_days=score.bundle.manifest.horizon_days,
        drivers=scores.present_drivers(score.drivers),
        model=scores.present_model(score.bundle),
        as_of=shown.as_of,
        stale=shown.is_stale,
    )


def _decided(chosen: Chosen, churn: Churn | None) -> DecidedActionRead:
    action = chosen.action
    return DecidedActionRead(
        **asdict(chosen.value),
        code=action.code,
        rank=chosen.rank,
        name=action.name,
        say=action.say,
        uplift_source="prior",
        because=list(churn.reasons) if churn else [],
    )


def show_trace(answer: DecisionRead | PreviewRead, detail: TraceDetail) -> None:
    """Shorten the trace as asked: `summary` keeps what was chosen, `none` nothing."""
    if detail != "full":
        answer.trace = [entry for entry in answer.trace if detail == "summary" and entry.verdict == "kept"]
