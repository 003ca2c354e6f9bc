"""What a policy would have brought, measured on the log itself, with intervals.

A policy ranks the rows and names an arm for each. What treating a row gains is estimated without bias from the known
propensities, doubly robust: Γ(x, a) = m(x, a) + 1{A = a} ÷ e(a) · (Y − m(x, a)), where m is predicted by a model that
never saw the row (Robins, Rotnitzky & Zhao, 1994); a gain is the difference to the control's. Treating the best ranked
share φ of all brings V(φ), the mean of their gains; the Qini coefficient is the area between V and the straight line of
"everyone gets the best single arm", taken in random order (Radcliffe, 2007; with two arms it is the usual one).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.ml.training.folds import Keys
from app.ml.training.measures import REACH, Measure
from app.ml.training.uplift.effects import Effects, over_control
from app.ml.training.uplift.experiment import Experiment

RESAMPLES: Final = 300
POINTS: Final = 101  # of a curve, at each per cent
BUDGETS: Final = (0.1, 0.2, 0.3, 0.5, 1.0)
Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Policy:
    """Which rows are treated first, and with which arm: `ranks` [N], the highest first, and `arms` [N]."""

    name: str
    ranks: Floats
    arms: Ints


@dataclass(frozen=True, slots=True)
class Standing:
    """How a policy does: its Qini coefficient, V at each per cent treated with its band, and V at some budgets."""

    name: str
    qini: Measure
    curve: list[float]
    low: list[float]
    high: list[float]
    at: dict[str, Measure]


@dataclass(frozen=True, slots=True)
class Judgement:
    """The policies side by side; `gap` is the Qini of the first less that of the second, measured on the same draws."""

    standings: tuple[Standing, ...]
    gap: Measure


def measured_gains(experiment: Experiment, predicted: Effects, sign: int) -> Floats:
    """What each arm gains over the control, row by row [N, A]: noisy, and right on average."""
    probabilities = predicted.probabilities
    given = np.arange(len(experiment.arm)), experiment.arm
    scores = probabilities.copy()
    scores[given] += (experiment.outcomes - probabilities[given]) / experiment.propensities[given]
    return over_control(scores, sign)


def policies(predicted: Effects, fold: Ints, gains: Floats, seed: int) -> tuple[Policy, ...]:
    """The learned policy; risk with the best single arm; everyone gets that arm; chance.

    Which single arm is best is decided for each fold by the others.
    """
    best = np.argmax(predicted.gains[:, 1:], axis=1) + 1
    single = np.empty(len(fold), np.intp)
    for number in np.unique(fold):
        single[fold == number] = 1 + int(np.argmax(gains[fold != number, 1:].mean(axis=0)))
    random = np.random.default_rng(seed).random(len(fold))
    return (
        Policy("uplift", predicted.gains[np.arange(len(best)), best], best),
        Policy("risk", predicted.probabilities[:, 0], single),
        Policy("everyone", random, single),
        Policy("random", random, 1 + (np.floor(random * 1e6).astype(np.intp) % (gains.shape[1] - 1))),
    )


def judge(gains: Floats, ranked: Sequence[Policy], keys: Keys, seed: int) -> Judgement:
    """Measure policies [N] on measured gains [N, A]; the third of them is everyone's best single arm."""
    orders = [np.argsort(-policy.ranks, kind="stable") for policy in ranked]
    taken = [gains[np.arange(len(gains)), policy.arms][order] for policy, order in zip(ranked, orders, strict=True)]
    counted = [keys[order] for order in orders]
    whole = [_curve(one, np.ones(len(one))) for one in taken]
    draws = np.empty((RESAMPLES, len(ranked), POINTS))
    random = np.random.default_rng(seed)
    for resample in range(RESAMPLES):
        weight = np.bincount(random.integers(0, keys.max() + 1, keys.max() + 1), minlength=keys.max() + 1).astype(float)
        for place, (one, key) in enumerate(zip(taken, counted, strict=True)):
            draws[resample, place] = _curve(one, weight[key])
    areas = np.array([_area(curve, whole[2]) for curve in whole])
    spread = np.array([[_area(curve, draw[2]) for curve in draw] for draw in draws])
    standings = tuple(
        _standing(policy.name, curve, draws[:, place], areas[place], spread[:, place])
        for place, (policy, curve) in enumerate(zip(ranked, whole, strict=True))
    )
    return Judgement(standings, _measure(float(areas[0] - areas[1]), spread[:, 0] - spread[:, 1]))


def average_effects(gains: Floats, predicted: Effects, experiment: Experiment) -> Mapping[str, tuple[Measure, Measure]]:
    """Each arm's mean gain, and the share of the control's outcomes that it is, both with intervals."""
    given = np.arange(len(experiment.arm)), experiment.arm
    control = (
        predicted.probabilities[:, 0]
        + (experiment.arm == 0) * (experiment.outcomes - predicted.probabilities[given]) / experiment.propensities[:, 0]
    )
    found = {}
    for place, arm in enumerate(experiment.arms[1:], 1):
        gain, base = gains[:, place], float(control.mean())
        share = float(gain.mean()) / base
        # The delta method for a ratio of two means.
        error = float((gain - share * control).std() / base / np.sqrt(len(gain)))
        spread = float(gain.std() / np.sqrt(len(gain)))
        found[arm] = (_within(float(gain.mean()), spread), _within(share, error))
    return found


def _curve(gains: Floats, weights: Floats) -> Floats:
    """V at each per cent of the rows treated, taken in their order."""
    total = weights.sum()
    reached = np.concatenate([[0.0], np.cumsum(weights) / total])
    brought = np.concatenate([[0.0], np.cumsum(weights * gains) / total])
    return np.asarray(np.interp(np.linspace(0, 1, POINTS), reached, brought))


def _area(curve: Floats, everyone: Floats) -> float:
    return float(np.trapezoid(curve - np.linspace(0, everyone[-1], POINTS), dx=1 / (POINTS - 1)))


def _standing(name: str, curve: Floats, draws: Floats, area: float, areas: Floats) -> Standing:
    reach = REACH * draws.std(axis=0)
    at = {
        f"{budget:.0%}": _measure(float(curve[place]), draws[:, place])
        for budget in BUDGETS
        for place in [round(budget * (POINTS - 1))]
    }
    low, high = curve - reach, curve + reach
    return Standing(name, _measure(area, areas), curve.tolist(), low.tolist(), high.tolist(), at)


def _measure(value: float, draws: Floats) -> Measure:
    return _within(value, float(draws.std()))


def _within(value: float, error: float) -> Measure:
    return Measure(value, value - REACH * error, value + REACH * error)
