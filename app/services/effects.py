"""What was learned of the catalogue's actions: on average, and for one subscriber where that is proven to help."""

from collections.abc import Mapping
from datetime import date
from statistics import NormalDist
from typing import Any, Final

from app.domain.decisions.context import Effect, Gain, Learned
from app.domain.features import in_words
from app.ml.bundle import Bundle
from app.ml.effects import ArmGain, arm_gains
from app.ml.features import FeaturesRefused, complete
from app.ml.manifest import UPLIFT, ArmEffect
from app.services.scores import Bundles, known_to

REASONS_GIVEN: Final = 2
_REACH: Final = NormalDist().inv_cdf(0.975)
RISK_RANKS: Final = "ranking by what an action changes is not shown to beat ranking by risk, so risk ranks"


def learned_of(bundles: Bundles, features: Mapping[str, Any], as_of: date) -> dict[str, Learned]:
    """Return what the active model of effects says of each action it knows; nothing where none may be believed."""
    bundle = bundles.get(UPLIFT)
    uplift = bundle.manifest.uplift if bundle else None
    if bundle is None or uplift is None or not uplift.is_randomised or uplift.goal != "lower":
        return {}
    gains = _gains(bundle, features, as_of) if uplift.beats_risk else {}
    return {
        arm: Learned(_share(effect), gains.get(arm), () if uplift.beats_risk else (RISK_RANKS,))
        for arm, effect in uplift.arms.items()
    }


def _share(effect: ArmEffect) -> Effect:
    return Effect(effect.share.value, (effect.share.high - effect.share.low) / (2 * _REACH))


def _gains(bundle: Bundle, features: Mapping[str, Any], as_of: date) -> dict[str, Gain]:
    try:
        values = complete(bundle.contract, known_to(bundle, features), as_of)
        found = arm_gains(bundle, values, REASONS_GIVEN)
    except FeaturesRefused:
        return {}
    return {one.arm: _gain(one, bundle.manifest.horizon_days) for one in found}


def _gain(one: ArmGain, horizon_days: int) -> Gain:
    reasons = tuple(
        f"{driver.feature} = {in_words(driver.value)} makes it keep {'more' if driver.contribution < 0 else 'less'}"
        for driver in one.drivers
        if driver.contribution != 0
    )
    return Gain(one.without, one.under, one.reach, horizon_days, reasons)
