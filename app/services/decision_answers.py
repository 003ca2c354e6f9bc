"""What a decision says, in the shapes of the wire."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import Any, Final

from pydantic_core import to_json

from app.domain.decisions.context import Churn, DecisionContext, Learned, PastOutcome
from app.domain.decisions.engine import Chosen, Verdicts
from app.domain.decisions.trace import TraceEntry
from app.domain.decisions.value import Value
from app.schemas.decisions import DecisionScoreRead, TraceDetail
from app.services import scores
from app.services.scores import Score

MOST_TRACED: Final = 100


@dataclass(frozen=True, slots=True)
class Shown:
    """What an answer shows beside the engine's verdicts."""

    score: Score | None
    as_of: date | None
    is_stale: bool
    policy_version: str
    currency: str


def answer_of(context: DecisionContext, verdicts: Verdicts, shown: Shown) -> dict[str, Any]:
    """The fields of a DecisionAnswer but whom it is about, ready to be written as JSON."""
    preference = context.channel_preference()
    return {
        "channel": context.channel.value,
        "direction": context.direction.value,
        "decided_at": context.at,
        "actions": [
            _decided(chosen, context.churn, context.learned.get(chosen.action.code)) for chosen in verdicts.chosen
        ],
        "none_because": verdicts.none_because,
        "trace": [_traced(entry) for entry in verdicts.trace],
        "last_contact": _last_contact(context.outcomes),
        "score": _scored(shown, shown.score) if shown.score else None,
        "policy_version": shown.policy_version,
        "currency": shown.currency,
    } | ({"channel_preference": asdict(preference)} if preference else {})


def _traced(entry: TraceEntry) -> dict[str, Any]:
    return {
        "action": entry.action,
        "step": entry.step,
        "verdict": entry.verdict,
        "code": entry.code,
        "reason": entry.reason,
        "free_again_at": entry.free_again_at,
    }


def _last_contact(outcomes: Sequence[PastOutcome]) -> dict[str, Any] | None:
    if not outcomes:
        return None
    last = outcomes[-1]
    return {"action": last.action, "at": last.at, "outcome": last.outcome}


def _scored(shown: Shown, score: Score) -> dict[str, Any]:
    plain = scores.as_plain(score, None, shown.as_of, shown.is_stale)
    return {name: plain[name] for name in DecisionScoreRead.model_fields}


def _learned_reasons(learned: Learned | None) -> tuple[str, ...]:
    if learned is None:
        return ()
    return (*(learned.gain.reasons if learned.gain else ()), *learned.notes)


def _decided(chosen: Chosen, churn: Churn | None, learned: Learned | None) -> dict[str, Any]:
    action = chosen.action
    worth = {field.name: getattr(chosen.value, field.name) for field in fields(Value)}
    return worth | {
        "code": action.code,
        "rank": chosen.rank,
        "name": action.name,
        "say": action.say,
        "because": [*(churn.reasons if churn else ()), *_learned_reasons(learned)],
    }


def as_stored(answer: Mapping[str, Any]) -> bytes:
    """The answer as the log keeps it, in JSON."""
    return to_json(answer)


def as_told(subscriber_id: str, answer: Mapping[str, Any], stored: bytes) -> bytes:
    """The answer as it is told, of what is stored, and of whom it is about: they are no part of what outlives them."""
    if len(answer["trace"]) <= MOST_TRACED:
        return b'{"subscriber_id":' + to_json(subscriber_id) + b"," + stored[1:]
    return to_json({"subscriber_id": subscriber_id, **answer, "trace": show_trace(answer["trace"], None)})


def show_trace(trace: Sequence[dict[str, Any]], detail: TraceDetail | None) -> list[dict[str, Any]]:
    """Shorten a trace as asked: `summary` keeps what was chosen, `none` nothing. Unasked, only a long one is."""
    if detail == "full" or (detail is None and len(trace) <= MOST_TRACED):
        return list(trace)
    return [entry for entry in trace if detail != "none" and entry["verdict"] == "kept"]
