"""Why a past churner left: one of four causes with its evidence (A15), by rules that are data."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from app.domain.features import FeatureValue
from app.domain.formulas import Formula, parse_formula
from app.errors import Invalid


class CauseRuleRefused(Invalid):
    """The rule about why subscribers leave cannot be used."""


class ChurnCause(StrEnum):
    """Natural: moved away, deceased, no need any more. Malicious: fraud, arrears. Fault: our own failing."""

    NATURAL = "natural"
    MALICIOUS = "malicious"
    COMPETITIVE = "competitive"
    FAULT = "fault"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CauseRule:
    """One fact that speaks for a cause, with its weight and the sentence that says so.

    `at_least` and `at_most` compare a feature, or a formula over features, with `threshold`; `one_of` asks whether a
    feature has one of the `values`. A fact that is missing speaks for nothing.
    """

    cause: ChurnCause
    fact: str
    comparison: Literal["at_least", "at_most", "one_of"]
    weight: float
    sentence: str
    threshold: float | None = None
    values: tuple[str | bool, ...] = ()
    formula: Formula = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.cause is ChurnCause.UNKNOWN or not self.weight > 0:
            raise CauseRuleRefused(f"the rule about {self.fact} needs one of the four causes and a weight above 0")
        asks_values = self.comparison == "one_of"
        if bool(self.values) is not asks_values or (self.threshold is None) is not asks_values:
            raise CauseRuleRefused(f"the rule about {self.fact} needs values for one_of, or else a threshold")
        if asks_values and not self.fact.isidentifier():
            raise CauseRuleRefused(f"the rule about {self.fact} needs one feature, since one_of takes no formula")
        object.__setattr__(self, "formula", parse_formula(self.fact))

    def holds(self, facts: Mapping[str, FeatureValue]) -> bool:
        if self.comparison == "one_of":
            return facts.get(self.fact) in self.values
        amount = self.formula(facts, None)
        if amount is None or self.threshold is None:
            return False
        return amount >= self.threshold if self.comparison == "at_least" else amount <= self.threshold


@dataclass(frozen=True, slots=True)
class CauseRules:
    """The rules, and the order of the causes in which the first wins where the evidence weighs the same."""

    order: tuple[ChurnCause, ...]
    rules: tuple[CauseRule, ...]

    def __post_init__(self) -> None:
        if set(self.order) != set(ChurnCause) - {ChurnCause.UNKNOWN} or len(self.order) != len(set(self.order)):
            raise CauseRuleRefused("order must name each of the four causes once")

    @property
    def facts(self) -> frozenset[str]:
        """Every feature that a rule asks for."""
        return frozenset().union(*(rule.formula.operands for rule in self.rules))


@dataclass(frozen=True, slots=True)
class CauseFound:
    """A cause; its evidence as sentences, the weightiest first; and the facts that these are about."""

    cause: ChurnCause
    evidence: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EvidenceCount:
    """In how many rows of a cause a fact spoke for it."""

    cause: str
    fact: str
    rows: int


@dataclass(frozen=True, slots=True)
class Causes:
    """How many left for which cause, and what that rests on, the most frequent first."""

    counts: dict[str, int]
    evidence: tuple[EvidenceCount, ...]


def cause_of(facts: Mapping[str, FeatureValue], rules: CauseRules) -> CauseFound:
    """Return the cause whose evidence weighs most in sum, with that evidence; unknown where nothing speaks."""
    holding = sorted((rule for rule in rules.rules if rule.holds(facts)), key=lambda rule: -rule.weight)
    if not holding:
        return CauseFound(ChurnCause.UNKNOWN)
    weights = {cause: sum(rule.weight for rule in holding if rule.cause is cause) for cause in rules.order}
    cause = max(rules.order, key=weights.__getitem__)  # of equals, the first in order
    evidence = [rule for rule in holding if rule.cause is cause]
    return CauseFound(cause, tuple(rule.sentence for rule in evidence), tuple({rule.fact: None for rule in evidence}))


def summarise(leavers: Iterable[Mapping[str, FeatureValue]], rules: CauseRules) -> Causes:
    """Count the causes, and the evidence for them, of those who left; every leaver counts once."""
    counts = dict.fromkeys(ChurnCause, 0)
    evidence: Counter[tuple[ChurnCause, str]] = Counter()
    for facts in leavers:
        found = cause_of(facts, rules)
        counts[found.cause] += 1
        evidence.update((found.cause, fact) for fact in found.facts)
    return Causes(
        {cause.value: rows for cause, rows in counts.items()},
        tuple(
            EvidenceCount(cause.value, fact, rows)
            for (cause, fact), rows in sorted(evidence.items(), key=lambda item: (-item[1], item[0]))
        ),
    )
