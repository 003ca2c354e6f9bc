"""The population stability index, its noise, and what is made of them. Requirement B14, beside it."""

from math import inf, isfinite, log
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.drift import LEAST_ROWS, MOST_NOISE, Level, expected_noise, level_of, psi, shift

counts = st.lists(st.integers(0, 10_000), min_size=2, max_size=22).filter(any)
pairs = st.integers(2, 22).flatmap(
    lambda bins: st.tuples(
        *2 * [st.lists(st.integers(0, 10_000), min_size=bins, max_size=bins).filter(any)],
    )
)


def test_the_index_is_that_of_the_textbook() -> None:
    assert psi([20, 30, 50], [10, 30, 60]) == pytest.approx(-0.1 * log(0.1 / 0.2) + 0.1 * log(0.6 / 0.5))


@given(pairs)
def test_the_index_is_never_negative_and_never_infinite(pair: tuple[list[int], list[int]]) -> None:
    assert 0 <= psi(*pair) < inf


@given(pairs)
def test_it_does_not_matter_which_side_is_which(pair: tuple[list[int], list[int]]) -> None:
    one, other = pair
    assert psi(one, other) == pytest.approx(psi(other, one), abs=1e-12)


@given(pairs, st.randoms(use_true_random=False))
def test_the_order_of_the_bins_does_not_matter(pair: tuple[list[int], list[int]], random: Random) -> None:
    shuffled = list(zip(*pair, strict=True))
    random.shuffle(shuffled)
    one, other = zip(*shuffled, strict=True)
    assert psi(one, other) == pytest.approx(psi(*pair), abs=1e-12)


@given(counts, st.integers(1, 50))
def test_equal_shares_have_no_drift_however_many_rows_there_are(reference: list[int], times: int) -> None:
    assert psi(reference, [count * times for count in reference]) == pytest.approx(0, abs=1e-12)


@given(counts, st.integers(0, 22))
def test_a_bin_that_nobody_is_in_changes_nothing(reference: list[int], place: int) -> None:
    recent = reference[::-1]
    wider = [[*counted[:place], 0, *counted[place:]] for counted in (reference, recent)]
    assert psi(*wider) == pytest.approx(psi(reference, recent))
    assert expected_noise(*wider) == pytest.approx(expected_noise(reference, recent))


def test_moving_more_rows_drifts_further() -> None:
    indexes = [psi([500, 500], [500 - moved, 500 + moved]) for moved in range(0, 501, 50)]
    assert indexes == sorted(indexes)
    assert isfinite(indexes[-1])


def test_chance_alone_gives_the_noise_that_is_stated() -> None:
    random, shares = Random(1), [0.05, 0.1, 0.15, 0.2, 0.5]  # noqa: S311  # chance, not a secret

    def draw(rows: int) -> list[int]:
        drawn = random.choices(range(5), shares, k=rows)
        return [drawn.count(place) for place in range(5)]

    drawn = [(draw(2000), draw(500)) for _ in range(200)]
    mean = sum(psi(*pair) for pair in drawn) / len(drawn)
    assert mean == pytest.approx(expected_noise(*drawn[0]), rel=0.15)


@pytest.mark.parametrize(
    ("index", "level"),
    [(0, "stable"), (0.0999, "stable"), (0.10, "moderate"), (0.2499, "moderate"), (0.25, "major"), (9, "major")],
)
def test_the_levels_are_the_usual_ones(index: float, level: str) -> None:
    assert level_of(index) == level


def test_few_rows_get_an_index_and_no_level() -> None:
    few, enough = [0, LEAST_ROWS - 1], [0, LEAST_ROWS]
    assert shift([500, 500], few).level is Level.NOT_ENOUGH_DATA
    assert shift([500, 500], few).psi == psi([500, 500], few)
    assert shift([500, 500], enough).level is Level.MAJOR


def test_more_bins_need_more_rows_before_they_get_a_level() -> None:
    reference, recent = [1000] * 22, [10] * 22
    assert shift(reference, recent).noise == pytest.approx(21 * (1 / 22_000 + 1 / 220))
    assert shift(reference, recent).level is Level.NOT_ENOUGH_DATA
    more = shift(reference, [count * 3 for count in recent])
    assert more.level is Level.STABLE
    assert more.noise is not None
    assert more.noise <= MOST_NOISE


def test_a_small_reference_never_gets_a_level() -> None:
    assert shift([5] * 10, [10_000] * 10).level is Level.NOT_ENOUGH_DATA


def test_without_rows_there_is_nothing_to_say() -> None:
    nothing = shift([1, 2], [0, 0])
    assert (nothing.psi, nothing.noise, nothing.level) == (None, None, Level.NOT_ENOUGH_DATA)
