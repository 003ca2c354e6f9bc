"""Scores with stated weights (G3), what is low (G11), and who is dissatisfied (E13)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.surveys import Answer, is_dissatisfied, is_low, score_of, sum_to_one, weighted_mean

ratings = st.floats(1, 10, allow_nan=False)


def test_a_weighted_mean_is_the_one_computed_by_hand() -> None:
    assert weighted_mean([8, 6, 10], [0.5, 0.3, 0.2]) == pytest.approx(8 * 0.5 + 6 * 0.3 + 10 * 0.2)


@pytest.mark.parametrize("weights", [[0.5, 0.4], [0.6, 0.6], [1.0, 0.1], [0.0, 0.0]])
def test_weights_that_do_not_sum_to_one_are_no_weights(weights: list[float]) -> None:
    assert not sum_to_one(weights)
    with pytest.raises(ValueError, match="do not sum to 1"):
        weighted_mean([5, 5], weights)


@given(st.lists(ratings, min_size=1, max_size=20))
def test_without_weights_every_item_counts_the_same(scores: list[float]) -> None:
    answers = [Answer(str(n), score=score) for n, score in enumerate(scores)]

    assert score_of(answers) == pytest.approx(sum(scores) / len(scores))


@given(st.lists(st.tuples(ratings, st.floats(0.01, 1)), min_size=1, max_size=20))
def test_a_score_lies_between_the_lowest_and_the_highest_rating(rated: list[tuple[float, float]]) -> None:
    total = sum(weight for _, weight in rated)
    answers = [Answer(str(n), score=score, weight=weight / total) for n, (score, weight) in enumerate(rated)]
    found = score_of(answers)

    assert found is not None
    assert min(s for s, _ in rated) - 1e-6 <= found <= max(s for s, _ in rated) + 1e-6


def test_what_was_perceived_stands_in_for_a_score() -> None:
    assert score_of([Answer("a", perceived=4), Answer("b", score=8, perceived=2)]) == 6
    assert score_of([Answer("a", ideal=4)]) is None


@pytest.mark.parametrize(
    ("score", "scale_max", "low"), [(4, 10, True), (4.1, 10, False), (2, 5, True), (3, 5, False), (None, 10, False)]
)
def test_the_lowest_two_fifths_of_a_scale_are_low(score: float | None, scale_max: int, low: bool) -> None:  # noqa: FBT001  # a column of the table above
    assert is_low(score, scale_max) is low


@pytest.mark.parametrize(("perceived", "unhappy"), [(6.9, True), (7, False), (7.1, False)])
def test_less_than_would_do_is_dissatisfaction(perceived: float, unhappy: bool) -> None:  # noqa: FBT001  # a column of the table above
    answers = [Answer("a", score=10), Answer("b", ideal=9, adequate=7, perceived=perceived)]

    assert is_dissatisfied(answers, 8.5, 10) is unhappy
