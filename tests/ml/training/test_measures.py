"""The measures equal what a hand computes, and their intervals hold the truth as often as they say (C10)."""

import math

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from app.ml.training.measures import RANGES, by_segment, mean_and_error, measures, resamples

LABELS = np.array([True, True, True, False, False, False, False])
PROBABILITIES = np.array([0.9, 0.8, 0.3, 0.8, 0.4, 0.2, 0.1])


def test_the_measures_of_a_small_table() -> None:
    found = {name: measure.value for name, measure in measures(LABELS, PROBABILITIES).items()}
    # Of the 12 pairs the first leaver wins 4, the second 3 and a half, the third 2.
    assert found["auroc"] == pytest.approx(9.5 / 12)
    # Down to .9, .8 and .3 there are 1 of 1, 2 of 3 and 3 of 5 leavers.
    assert found["pr_auc"] == pytest.approx((1 + 2 / 3 + 3 / 5) / 3)
    assert found["log_loss"] == pytest.approx(
        -(sum(map(math.log, (0.9, 0.8, 0.3))) + sum(map(math.log, (0.2, 0.6, 0.8, 0.9)))) / 7
    )
    assert found["brier"] == pytest.approx((0.01 + 0.04 + 0.49 + 0.64 + 0.16 + 0.04 + 0.01) / 7)
    # Only the two rows of .8 share a bin: one is a leaver, so the gap of both together is 1 - 1.6.
    assert found["ece"] == pytest.approx((0.1 + 0.6 + 0.7 + 0.4 + 0.2 + 0.1) / 7)
    # The best tenth is seven tenths of the first row, a leaver; by lot it would hold a tenth of three.
    assert found["top_decile_lift"] == pytest.approx(0.7 / 0.3)
    # See test_profit for its own tests; here a perfect half, and 190 · .3 - 1 for each leaver is the most it can be.
    assert 0 < found["empc"] < 56 * 3 / 7


def test_a_tie_that_the_end_of_the_tenth_cuts_counts_with_its_part() -> None:
    labels = np.arange(20) % 4 == 0
    probabilities = np.where(np.arange(20) < 4, 0.9, 0.1)  # one leaver of four, and two of them in the tenth
    assert measures(labels, probabilities)["top_decile_lift"].value == pytest.approx(0.5 / 0.5)


def test_the_library_agrees_also_where_rows_are_repeated_and_scores_tied() -> None:
    random = np.random.default_rng(3)
    labels, probabilities = random.random(500) < 0.3, random.integers(1, 40, 500) / 40
    for counts in [np.ones(500), *list(resamples(labels, None, seed=1))[:3]]:
        rows = np.repeat(np.arange(500), counts.astype(int))
        left, score = labels[rows], probabilities[rows]
        found = {name: measure.value for name, measure in measures(left, score).items()}
        assert found["auroc"] == pytest.approx(roc_auc_score(left, score))
        assert found["pr_auc"] == pytest.approx(average_precision_score(left, score))
        assert found["log_loss"] == pytest.approx(log_loss(left, score))
        assert found["brier"] == pytest.approx(brier_score_loss(left, score))


@pytest.mark.slow
def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(5)
    truth = 0.5 * (1 + math.erf(0.5))  # two normal distributions, one standard deviation apart
    labels = np.repeat([True, False], [60, 140])
    draws = [measures(labels, 1 / (1 + np.exp(-random.normal(size=200) - labels)))["auroc"] for _ in range(60)]
    assert 0.88 <= np.mean([draw.low <= truth <= draw.high for draw in draws]) <= 1


def test_every_interval_holds_its_measure_and_stays_in_range() -> None:
    for name, measure in measures(LABELS, PROBABILITIES).items():
        least, most = RANGES[name]
        assert least <= measure.low <= measure.value <= measure.high <= most


def test_rows_of_one_subscriber_are_one_observation() -> None:
    random = np.random.default_rng(6)
    labels, probabilities = random.random(300) < 0.4, random.random(300)
    once = measures(labels, probabilities)["auroc"]
    left, answers, keys = np.repeat(labels, 4), np.repeat(probabilities, 4), np.repeat(np.arange(300), 4)
    together, apart = measures(left, answers, keys)["auroc"], measures(left, answers)["auroc"]
    assert together.high - together.low == pytest.approx(once.high - once.low, rel=0.15)
    assert apart.high - apart.low == pytest.approx((once.high - once.low) / 2, rel=0.15)


def test_a_segment_is_measured_by_itself_and_not_at_all_where_a_class_is_rare() -> None:
    random = np.random.default_rng(7)
    labels, probabilities = random.random(400) < 0.5, random.random(400)
    plan = ["basic" if row < 300 else "gold" if row < 310 else None for row in range(400)]
    basic, gold = by_segment(labels, probabilities, {"plan": plan})
    assert (basic.segment, basic.value, basic.rows, basic.positives) == ("plan", "basic", 300, labels[:300].sum())
    assert basic.measures == measures(labels[:300], probabilities[:300])
    assert (gold.value, gold.rows, gold.measures) == ("gold", 10, None)


def test_the_same_seed_gives_the_same_intervals() -> None:
    assert measures(LABELS, PROBABILITIES, seed=2) == measures(LABELS, PROBABILITIES, seed=2)
    assert measures(LABELS, PROBABILITIES, seed=2) != measures(LABELS, PROBABILITIES, seed=3)


def test_certain_and_wrong_probabilities_have_a_finite_loss() -> None:
    found = measures(np.array([True, False, True]), np.array([0.0, 1.0, 1.0]))
    assert math.isfinite(found["log_loss"].value)
    assert found["ece"].value == pytest.approx(2 / 3)


def test_the_error_of_a_mean_takes_the_rows_of_a_key_together() -> None:
    values = np.array([1.0, 2.0, 4.0])
    assert mean_and_error(values, np.arange(3)) == pytest.approx((7 / 3, values.std(ddof=1) / math.sqrt(3)))
    assert mean_and_error(np.repeat(values, 5), np.repeat(np.arange(3), 5)) == pytest.approx(
        mean_and_error(values, np.arange(3))
    )
