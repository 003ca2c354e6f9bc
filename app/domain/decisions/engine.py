"""Decide: eligible → permitted → worth it → the best few. Pure: the same context gives the same decision."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.domain.decisions import contact_policy, eligibility, value
from app.domain.decisions.context import Action, DecisionContext
from app.domain.decisions.trace import Removal, Step, TraceEntry, Verdict, removed_at, sift
from app.domain.decisions.value import Value


class Arm(StrEnum):
    TREATMENT = "treatment"
    HOLDOUT = "holdout"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Chosen:
    action: Action
    rank: int
    value: Value


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What was decided: the chosen actions, best first, and an entry for every catalogued action."""

    arm: Arm
    chosen: tuple[Chosen, ...]
    none_because: str | None
    trace: tuple[TraceEntry, ...]


def decide(context: DecisionContext) -> Verdicts:
    eligible, not_eligible = sift(context, context.catalogue, Step.ELIGIBILITY, eligibility.RULES)
    permitted, not_permitted = sift(context, eligible, Step.CONTACT_POLICY, contact_policy.RULES)
    worthwhile, worthless = _weigh(context, permitted)
    chosen, beyond_limit = _choose(worthwhile, context.limit)
    removed = not_eligible + not_permitted + worthless + beyond_limit
    trace = [_kept(best) for best in chosen] + removed
    return Verdicts(
        arm=Arm.TREATMENT if chosen else Arm.NONE,
        chosen=tuple(chosen),
        none_because=None if chosen else _why_none(removed),
        trace=tuple(trace),
    )


def _weigh(context: DecisionContext, actions: Sequence[Action]) -> tuple[list[tuple[Action, Value]], list[TraceEntry]]:
    worthwhile: list[tuple[Action, Value]] = []
    removed: list[TraceEntry] = []
    for action in actions:
        found = value.value_of(context, action)
        removal = found if isinstance(found, Removal) else value.worthless(found)
        if removal:
            removed.append(removed_at(Step.VALUE, action.code, removal))
        elif isinstance(found, Value):
            worthwhile.append((action, found))
    return worthwhile, removed


def _choose(worthwhile: Sequence[tuple[Action, Value]], limit: int) -> tuple[list[Chosen], list[TraceEntry]]:
    best_first = sorted(worthwhile, key=lambda pair: (-pair[1].expected_value, pair[0].code))
    chosen = [Chosen(action, rank, worth) for rank, (action, worth) in enumerate(best_first[:limit], start=1)]
    beyond = [
        removed_at(Step.LIMIT, action.code, Removal("BEYOND_LIMIT", f"ranks {rank}, and {limit} were asked for"))
        for rank, (action, _) in enumerate(best_first[limit:], start=limit + 1)
    ]
    return chosen, beyond


def _kept(best: Chosen) -> TraceEntry:
    reason = f"ranks {best.rank} with an expected value of {best.value.expected_value}"
    return TraceEntry(best.action.code, Step.LIMIT, Verdict.KEPT, "CHOSEN", reason, None)


def _why_none(removed: Sequence[TraceEntry]) -> str:
    """Say what stopped how many actions, most first: the reason itself where they share one, else its kind."""
    if not removed:
        return "the catalogue holds no action"
    groups = [
        [entry for entry in removed if entry.code == code] for code, _ in Counter(e.code for e in removed).most_common()
    ]
    if len(groups) == 1 and len({entry.reason for entry in removed}) == 1:
        return removed[0].reason
    return "; ".join(f"{len(group)} of {len(removed)} actions: {_shared(group)}" for group in groups)


def _shared(group: Sequence[TraceEntry]) -> str:
    if len({entry.reason for entry in group}) == 1:
        return group[0].reason
    free = min((entry.free_again_at for entry in group if entry.free_again_at), default=None)
    kind = group[0].code.lower().replace("_", " ")
    return f"{kind}, the first free again on {free.isoformat(timespec='minutes')}" if free else kind
