"""What each action would change for one subscriber: the same graph, asked once with every arm as a row."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from app.domain.features import FeatureValue
from app.ml.bundle import Bundle
from app.ml.drivers import Driver, effect_of, shares
from app.ml.features import encode
from app.ml.manifest import ARM, ArmEffect
from app.ml.scorer import score


class ArmGain(NamedTuple):
    """The probabilities without and with an action, how far their difference may be off, and what it comes from.

    The drivers are exact: each is what the action changes of one feature's contribution, in log-odds, and they add up
    to the difference of the two logits. `reach` is half a 95 % interval.
    """

    arm: str
    without: float
    under: float
    reach: float
    drivers: list[Driver]


def arm_gains(bundle: Bundle, values: Mapping[str, FeatureValue], limit: int) -> list[ArmGain]:
    """Return what each arm changes against the control, for one row of completed values.

    Raises FeaturesRefused as `encode` does, and ValueError for a bundle that models no effects.
    """
    uplift = bundle.manifest.uplift
    if uplift is None:
        raise ValueError("this bundle models no effects")
    arms = (uplift.control, *uplift.arms)
    place = [feature.name for feature in bundle.contract.features].index(ARM)
    matrix = np.repeat(encode(bundle.contract, {**values, ARM: uplift.control}), len(arms), axis=0)
    matrix[:, place] = np.arange(1, len(arms) + 1)
    scores = score(bundle, matrix)
    changes = shares(bundle, scores.contributions[1:] - scores.contributions[0])
    without = float(scores.probability[0])
    return [
        ArmGain(
            arm,
            without,
            float(under),
            reach_of(effect, without - float(under)),
            _drivers(bundle, values, row.tolist(), limit),
        )
        for (arm, effect), under, row in zip(uplift.arms.items(), scores.probability[1:], changes, strict=True)
    ]


def reach_of(effect: ArmEffect, gain: float) -> float:
    """How far such a prediction may be off: by as much as its like were, and by what chance may have moved that."""
    like = next((one for one in effect.reliability if one.upto is None or gain < one.upto), effect.reliability[-1])
    return abs(like.measured.value - like.predicted) + (like.measured.high - like.measured.value)


def _drivers(bundle: Bundle, values: Mapping[str, FeatureValue], changes: list[float], limit: int) -> list[Driver]:
    features = bundle.contract.features
    ranked = sorted(range(len(changes)), key=lambda index: abs(changes[index]), reverse=True)[:limit]
    return [
        Driver(features[index].name, values.get(features[index].name), changes[index], effect_of(changes[index]))
        for index in ranked
    ]
