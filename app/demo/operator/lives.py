"""How the simulated subscribers live from month to month, are contacted, and leave."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from app.demo.operator.mechanisms import (
    ARMS,
    HORIZON_MONTHS,
    MECHANISMS,
    PROMO_LEAVER,
    QUIET,
    keeps_of,
)
from app.demo.operator.subscribers import EARLIER_MONTHS, PROMOTION_MONTHS, Bools, Floats, Ints, Rng, Subscribers

NEVER: Final = 10_000
BEGINS_AT: Final = 0.8  # of its full, in the month of its onset
GROWS_BY: Final = 0.1
HISTORY_ARM: Final = "discount"


@dataclass(frozen=True, slots=True)
class Lives:
    """What happens to N subscribers in T months: the observed ones and the horizon after them; month m is column m - 1.

    `severity` [N, 3 + T] is how far their mechanism has come, from three months before the first on. `left` [N] is the
    month they leave in, or NEVER. `approached` [N]: the campaign of month `history` offered them a discount, because
    they looked like leaving. `arm` [N] is what the randomised trial gave them at the end of the last observed month.
    `chances` [N, arms] are the probabilities to leave within the horizon after it under each arm, `fates` [N, arms]
    what would have become of them.
    """

    months: int
    history: int
    severity: Floats
    hazard: Floats
    approached: Bools
    arm: Ints
    left: Ints
    chances: Floats
    fates: Bools

    def present(self, month: int, subscribers: Subscribers) -> Bools:
        """Who is a subscriber at the end of a month."""
        return np.asarray((subscribers.joined <= month) & (self.left > month))

    def probability(self, month: int, subscribers: Subscribers) -> Floats:
        """The probability [N] to leave within the horizon after a month, as far as it can be known in that month.

        Of what has not begun yet one can at best know that it may: it counts as the mean of all whom it may befall.
        """
        went = 1 - np.prod(1 - self.hazard[:, month : month + HORIZON_MONTHS], axis=1)
        waiting = self.severity[:, EARLIER_MONTHS + month - 1] == 0
        for mechanism in range(len(MECHANISMS)):
            alike = waiting & (subscribers.mechanism == mechanism) & self.present(month, subscribers)
            went[alike] = went[alike].mean() if alike.any() else 0.0
        return np.asarray(went)


def live(rng: Rng, subscribers: Subscribers, months: int, propensities: Floats) -> Lives:
    """Let `months` months pass, and the horizon after them; `propensities` [arms] are those of the trial."""
    count, span = len(subscribers), months + HORIZON_MONTHS
    severity = _severity(subscribers, span)
    hazard = _hazard(subscribers, severity[:, EARLIER_MONTHS:])
    history = max(1, months // 2)
    keeps = np.array([[keeps_of(one, arm) for arm in ARMS] for one in MECHANISMS])[subscribers.mechanism]
    luck = rng.random((count, span))

    approached = _approached(rng, subscribers, hazard, history)
    after = slice(history, history + HORIZON_MONTHS)
    offered = keeps[:, ARMS.index(HISTORY_ARM)] * approached
    hazard[:, after] = np.clip(hazard[:, after] * (1 - offered[:, None]), 0, 1)

    arm = rng.choice(len(ARMS), count, p=propensities)
    each = np.clip(hazard[:, months:, None] * (1 - keeps[:, None, :]), 0, 1)
    fates = (luck[:, months:, None] < each).any(axis=1)
    hazard[:, months:] = each[np.arange(count), :, arm]

    falls = (luck < hazard) & (subscribers.joined[:, None] <= np.arange(1, span + 1))
    left = np.where(falls.any(axis=1), falls.argmax(axis=1) + 1, NEVER)
    return Lives(months, history, severity, hazard, approached, arm, left, 1 - np.prod(1 - each, axis=1), fates)


def _severity(subscribers: Subscribers, span: int) -> Floats:
    month = np.arange(1 - EARLIER_MONTHS, span + 1)
    since = month - subscribers.onset[:, None]
    severity = np.where(since >= 0, np.minimum(1.0, BEGINS_AT + GROWS_BY * since), 0.0)
    over = (since > PROMOTION_MONTHS) & subscribers.has(PROMO_LEAVER)[:, None]
    return np.where(over | subscribers.has(QUIET)[:, None], 0.0, severity)


def _hazard(subscribers: Subscribers, severity: Floats) -> Floats:
    """The probability to leave in each month, such that three of them at the same severity make the one of 90 days."""
    within = QUIET.leaves + (subscribers.leaves[:, None] - QUIET.leaves) * severity
    return np.asarray(1 - (1 - within) ** (1 / HORIZON_MONTHS))


def _approached(rng: Rng, subscribers: Subscribers, hazard: Floats, month: int) -> Bools:
    """Pick as a campaign without a control group does: whoever looks like leaving, as well as anybody could tell."""
    looks = hazard[:, month] + rng.normal(0, 0.03, len(subscribers))
    chance = 1 / (1 + np.exp(-(looks - 0.12) * 30))
    return np.asarray((rng.random(len(subscribers)) < chance * 0.8) & (subscribers.joined <= month))
