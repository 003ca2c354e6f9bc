"""Which channel a person answers best on, learned from what they said to actions decided for each of them."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Final

from app.domain.interactions import Channel
from app.domain.outcomes import OutcomeKind

# As many answers as the person's share over all channels weighs against what they said on one of them.
PRIOR_ANSWERS: Final = 2
FEWEST_ANSWERS: Final = 3
_SAYS_NOTHING: Final = frozenset({OutcomeKind.LATER, OutcomeKind.RETAINED, OutcomeKind.CHURNED})


@dataclass(frozen=True, slots=True)
class Answers:
    """How often actions decided for a channel were taken up, of how often they met with a yes, a no or silence."""

    accepted: int = 0
    answered: int = 0


@dataclass(frozen=True, slots=True)
class Preference:
    channel: Channel
    because: str


def answers_by_channel(told: Iterable[tuple[Channel | None, OutcomeKind]]) -> dict[Channel, Answers]:
    found: dict[Channel, Answers] = {}
    for channel, outcome in told:
        if channel is not None and outcome not in _SAYS_NOTHING:
            so_far = found.get(channel, Answers())
            found[channel] = Answers(so_far.accepted + (outcome is OutcomeKind.ACCEPTED), so_far.answered + 1)
    return found


def by_preference(channels: Iterable[Channel], answers: Mapping[Channel, Answers]) -> list[Channel]:
    """Order channels by how likely an answer on each is a yes; what nothing tells apart stays as it is."""
    usual = _usual(answers)
    return sorted(channels, key=lambda channel: -_likely(answers.get(channel, Answers()), usual))


def find_preference(channels: Collection[Channel], answers: Mapping[Channel, Answers]) -> Preference | None:
    """Return the channel a person says yes on more than elsewhere; None as long as too little was said to tell."""
    best = next(iter(by_preference(channels, answers)), None)
    if best is None or best not in answers:
        return None
    if answers[best].answered < FEWEST_ANSWERS or _likely(answers[best], (usual := _usual(answers))) <= usual:
        return None
    told = sorted(answers, key=lambda channel: channel is not best)
    return Preference(best, "; ".join(f"{channel}: {_said(answers[channel])}" for channel in told))


def _usual(answers: Mapping[Channel, Answers]) -> Fraction:
    answered = sum(each.answered for each in answers.values())
    return Fraction(sum(each.accepted for each in answers.values()), answered or 1)


@lru_cache(maxsize=1024)
def _likely(said: Answers, usual: Fraction) -> Fraction:
    """The mean of a beta posterior whose prior is the person's share over all channels; exact, so that ties are."""
    return (PRIOR_ANSWERS * usual + said.accepted) / (PRIOR_ANSWERS + said.answered)


def _said(said: Answers) -> str:
    return f"accepted {said.accepted} of {said.answered}"
