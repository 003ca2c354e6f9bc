"""Decide: eligible → permitted → worth it → affordable → not held out → the best few.

Pure: the same context gives the same decision.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from app.domain.decisions import contact_policy, eligibility, guard, holdout, limits, value
from app.domain.decisions.context import Action, DecisionContext
from app.domain.decisions.guard import SoFar
from app.domain.decisions.trace import Removal, Step, TraceEntry, Verdict, minute, removed_at, sift
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


Check = Callable[[DecisionContext, Action, Value, SoFar], Removal | None]
# In this order, each asked about an action that is worth it, on top of those chosen before it.
CHECKS: Final[tuple[tuple[Step, Check], ...]] = (
    (Step.GUARD, guard.spend_cap),
    (Step.GUARD, guard.arpu_guard),
    (Step.LIMIT, limits.capacity),
    (Step.LIMIT, limits.budget),
    (Step.HOLDOUT, holdout.in_another_arm),
    (Step.HOLDOUT, holdout.held_out),
)


def decide(context: DecisionContext) -> Verdicts:
    eligible, not_eligible = sift(context, context.catalogue, Step.ELIGIBILITY, eligibility.RULES)
    permitted, not_permitted = sift(context, eligible, Step.CONTACT_POLICY, contact_policy.RULES)
    worthwhile, worthless = _weigh(context, permitted)
    chosen, not_chosen = _choose(context, worthwhile)
    removed = not_eligible + not_permitted + worthless + not_chosen
    return Verdicts(
        arm=_arm(chosen, removed),
        chosen=tuple(chosen),
        none_because=None if chosen else _why_none(removed),
        trace=(*map(_kept, chosen), *removed),
    )


def _arm(chosen: Sequence[Chosen], removed: Sequence[TraceEntry]) -> Arm:
    if any(entry.code == holdout.HELD_OUT for entry in removed):
        return Arm.HOLDOUT
    return Arm.TREATMENT if chosen else Arm.NONE


def _weigh(context: DecisionContext, actions: Sequence[Action]) -> tuple[list[tuple[Action, Value]], list[TraceEntry]]:
    worthwhile: list[tuple[Action, Value]] = []
    removed: list[TraceEntry] = []
    for action in actions:
        found = value.value_of(context, action)
        removal = found if isinstance(found, Removal) else value.worthless(context, found)
        if removal:
            removed.append(removed_at(Step.VALUE, action.code, removal))
        elif isinstance(found, Value):
            worthwhile.append((action, found))
    return worthwhile, removed


def _choose(
    context: DecisionContext, worthwhile: Sequence[tuple[Action, Value]]
) -> tuple[list[Chosen], list[TraceEntry]]:
    """Take the best first, as long as each can be had on top of those before it."""
    service_first = context.value_tier in context.policy.big_spender_tiers
    chosen: list[Chosen] = []
    removed: list[TraceEntry] = []
    so_far = SoFar()
    rank = 0
    for action, worth in sorted(worthwhile, key=lambda pair: _order(*pair, service_first=service_first)):
        failed = next(((s, r) for s, check in CHECKS if (r := check(context, action, worth, so_far))), None)
        if failed:
            removed.append(removed_at(failed[0], action.code, failed[1]))
            continue
        rank += 1
        if rank > context.limit:
            beyond = Removal("BEYOND_LIMIT", f"ranks {rank}, and {context.limit} were asked for")
            removed.append(removed_at(Step.LIMIT, action.code, beyond))
            continue
        so_far.add(action, worth)
        chosen.append(Chosen(action, rank, worth))
    return chosen, removed


def _order(action: Action, worth: Value, *, service_first: bool) -> tuple[bool, Decimal, str]:
    """Best first; for who spends much, whatever is no matter of price comes before what is."""
    return (service_first and action.priced, -worth.expected_value, action.code)


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
    return f"{kind}, the first free again on {minute(free)}" if free else kind
