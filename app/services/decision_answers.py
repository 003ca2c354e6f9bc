"""What a decision says, in the shapes of the wire."""

from dataclasses import asdict
from typing import Any

from app.domain.decisions.context import Churn
from app.domain.decisions.engine import Chosen, Verdicts
from app.schemas.decisions import (
    DecidedActionRead,
    DecisionAnswer,
    DecisionCreate,
    DecisionRead,
    DecisionScoreRead,
    PreviewRead,
    TraceDetail,
    TraceEntryRead,
)
from app.services import scores
from app.services.decision_contexts import Gathered
from app.services.scores import Score


def answer_of(question: DecisionCreate, gathered: Gathered, verdicts: Verdicts, currency: str) -> dict[str, Any]:
    context = gathered.context
    fields = DecisionAnswer(
        subscriber_id=question.subscriber_id,
        channel=question.channel,
        direction=question.direction,
        decided_at=context.at,
        actions=[_decided(chosen, context.churn) for chosen in verdicts.chosen],
        none_because=verdicts.none_because,
        trace=[TraceEntryRead(**asdict(entry)) for entry in verdicts.trace],
        last_contact=gathered.last_contact,
        score=_scored(gathered, score) if (score := gathered.score) else None,
        policy_version=gathered.policy_version,
        currency=currency,
    )
    return {name: getattr(fields, name) for name in DecisionAnswer.model_fields}


def _scored(gathered: Gathered, score: Score) -> DecisionScoreRead:
    return DecisionScoreRead(
        probability=score.probability,
        band=score.band,
        horizon_days=score.bundle.manifest.horizon_days,
        drivers=scores.present_drivers(score.drivers),
        model=scores.present_model(score.bundle),
        as_of=gathered.snapshot.as_of if gathered.snapshot else None,
        stale=gathered.stale,
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
