"""The why-not ladder: for every catalogued action, chosen, or the first gate it failed."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.domain.decisions.context import Action, DecisionContext


class Step(StrEnum):
    ELIGIBILITY = "eligibility"
    CONTACT_POLICY = "contact_policy"
    VALUE = "value"
    GUARD = "guard"
    LIMIT = "limit"
    HOLDOUT = "holdout"


class Verdict(StrEnum):
    KEPT = "kept"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Removal:
    """Why an action is out: a code for programs, a sentence for people, and when it is free again, if it will be."""

    code: str
    reason: str
    free_again_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TraceEntry:
    action: str
    step: Step
    verdict: Verdict
    code: str
    reason: str
    free_again_at: datetime | None


def minute(at: datetime) -> str:
    return at.isoformat(timespec="minutes")


Rule = Callable[[DecisionContext, Action], Removal | None]


def sift(
    context: DecisionContext, actions: Iterable[Action], step: Step, rules: Sequence[Rule]
) -> tuple[list[Action], list[TraceEntry]]:
    """Put each action to the rules in order: those all rules let pass, and an entry for each of the others."""
    kept: list[Action] = []
    removed: list[TraceEntry] = []
    for action in actions:
        for rule in rules:
            if removal := rule(context, action):
                removed.append(removed_at(step, action.code, removal))
                break
        else:
            kept.append(action)
    return kept, removed


def removed_at(step: Step, action: str, removal: Removal) -> TraceEntry:
    return TraceEntry(action, step, Verdict.REMOVED, removal.code, removal.reason, removal.free_again_at)
