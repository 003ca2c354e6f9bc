"""Drivers add up to the score, one a feature, strongest first."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.domain.features import FeatureValue
from app.domain.scores import Effect
from app.ml.bundle import Bundle
from app.ml.drivers import Driver, band, drivers
from app.ml.manifest import Bands
from app.ml.scorer import score


def of_one(
    bundle: Bundle, values: dict[str, FeatureValue], contributions: NDArray[np.float64], limit: int
) -> tuple[list[Driver], float]:
    [found] = drivers(bundle, [values], contributions[np.newaxis], [limit])
    return found


# The session's bundle is only read, so examples may share it.
shared = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@shared
@given(row=st.integers(0, 1000), limit=st.integers(0, 100))
def test_drivers_and_the_rest_and_the_baseline_make_the_logit(
    bundle: Bundle, unseen: NDArray[np.float32], row: int, limit: int
) -> None:
    # C14: exact for any number of drivers, on real rows
    scores = score(bundle, unseen[row : row + 1])
    named, other = of_one(bundle, {}, scores.contributions[0], limit)
    total = bundle.manifest.intercept + sum(driver.contribution for driver in named) + other
    assert total == pytest.approx(scores.logit[0], abs=1e-9)


@shared
@given(seed=st.integers(0, 10_000), limit=st.integers(0, 100))
def test_there_is_one_driver_a_feature_and_the_strongest_come_first(bundle: Bundle, seed: int, limit: int) -> None:
    # Rounded, so that equal strengths are common.
    contributions = np.random.default_rng(seed).normal(size=len(bundle.manifest.terms)).round(1)
    named, other = of_one(bundle, {}, contributions, limit)
    order = [feature.name for feature in bundle.contract.features]
    ranks = [(-abs(driver.contribution), order.index(driver.feature)) for driver in named]
    assert ranks == sorted(ranks)
    assert len({driver.feature for driver in named}) == len(named) == min(limit, len(order))
    assert sum(driver.contribution for driver in named) + other == pytest.approx(contributions.sum(), abs=1e-9)


def test_a_pair_is_split_half_and_half(bundle: Bundle) -> None:
    pair = next(index for index, term in enumerate(bundle.manifest.terms) if len(term) == 2)
    contributions = np.zeros(len(bundle.manifest.terms))
    contributions[pair] = 0.5
    named, other = of_one(bundle, {}, contributions, 2)
    features = [bundle.contract.features[index].name for index in bundle.manifest.terms[pair]]
    assert [(driver.feature, driver.contribution) for driver in named] == [(name, 0.25) for name in features]
    assert other == 0


def test_a_driver_shows_the_value_and_which_way_it_pushes(bundle: Bundle, subscriber: dict[str, FeatureValue]) -> None:
    contributions = np.zeros(len(bundle.manifest.terms))
    contributions[bundle.manifest.terms.index((0,))] = 0.2
    contributions[bundle.manifest.terms.index((1,))] = -0.1
    named, _ = of_one(bundle, subscriber, contributions, 100)
    assert [driver.effect for driver in named[:3]] == [Effect.RAISES, Effect.LOWERS, Effect.NONE]
    assert all(driver.value == subscriber[driver.feature] for driver in named)


@pytest.mark.parametrize(
    ("probability", "expected"),
    [
        (0.0, "low"),
        (0.19, "low"),
        (0.2, "medium"),
        (0.5, "high"),
        (0.79, "high"),
        (0.8, "critical"),
        (1.0, "critical"),
    ],
)
def test_a_threshold_belongs_to_the_band_that_it_opens(probability: float, expected: str) -> None:
    assert band(Bands(medium=0.2, high=0.5, critical=0.8), probability) == expected


@shared
@given(seed=st.integers(0, 10_000), rows=st.integers(1, 40))
def test_a_row_has_the_same_drivers_alone_and_among_many_to_the_last_bit(bundle: Bundle, seed: int, rows: int) -> None:
    random = np.random.default_rng(seed)
    contributions = random.normal(size=(rows, len(bundle.manifest.terms))).round(1)
    limits = random.integers(0, 30, rows).tolist()
    together = drivers(bundle, [{}] * rows, contributions, limits)

    assert together == [of_one(bundle, {}, row, limit) for row, limit in zip(contributions, limits, strict=True)]
