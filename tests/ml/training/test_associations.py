"""How closely features go together (C2): what was planted is found again."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.domain.features import Feature, FeatureType
from app.ml.training.associations import associate

NUMBER, CATEGORY, BOOLEAN = FeatureType.NUMBER, FeatureType.CATEGORY, FeatureType.BOOLEAN
ROWS = 20_000


def between(*columns: NDArray[Any], types: Sequence[FeatureType]) -> float:
    """Return the association of the first two columns."""
    features = [Feature(str(index), type) for index, type in enumerate(types)]
    return float(associate(np.column_stack(columns).astype(np.float32), features, seed=1)[0, 1])


def copied(level: NDArray[np.int64], share: float, levels: int) -> NDArray[Any]:
    """Copy that share of the values and draw the others anew: V and the correlation ratio are then that share."""
    random = np.random.default_rng(3)
    return np.where(random.random(len(level)) < share, level, random.integers(1, levels + 1, len(level))).astype(float)


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.mark.parametrize("planted", [-0.9, -0.3, 0.0, 0.5, 0.95])
def test_a_planted_correlation_of_two_numbers_is_recovered_with_its_sign(
    random: np.random.Generator, planted: float
) -> None:
    # C2; Spearman's correlation of a normal pair is 6/π · arcsin(ρ/2)
    one, other = random.multivariate_normal([0, 0], [[1, planted], [planted, 1]], ROWS).T
    expected = 6 / np.pi * np.arcsin(planted / 2)
    assert between(one, other, types=[NUMBER, NUMBER]) == pytest.approx(expected, abs=0.02)
    assert between(np.exp(one * 3), other, types=[NUMBER, NUMBER]) == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_a_planted_association_of_two_categories_is_recovered(random: np.random.Generator, share: float) -> None:
    # C2
    level = random.integers(1, 6, ROWS)
    assert between(level, copied(level, share, 5), types=[CATEGORY, CATEGORY]) == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_a_planted_association_of_a_category_and_a_number_is_recovered(
    random: np.random.Generator, share: float
) -> None:
    # C2
    level = random.integers(1, 6, ROWS)
    number = copied(level, share, 5)
    assert between(level, number, types=[CATEGORY, NUMBER]) == pytest.approx(share, abs=0.03)
    assert between(number, level, types=[NUMBER, CATEGORY]) == pytest.approx(share, abs=0.03)


def test_many_levels_do_not_go_together_by_their_number(random: np.random.Generator) -> None:
    # Uncorrected, V would be .22 and the correlation ratio .22 here.
    one, other = random.integers(1, 51, 1000), random.integers(1, 51, 1000)
    assert between(one, other, types=[CATEGORY, CATEGORY]) < 0.1
    assert between(one, random.normal(size=1000), types=[CATEGORY, NUMBER]) < 0.1


def test_a_boolean_counts_as_a_category_of_two_levels(random: np.random.Generator) -> None:
    flag = random.integers(0, 2, 1000)
    assert between(flag, 1 - flag, types=[BOOLEAN, BOOLEAN]) == pytest.approx(1, abs=0.001)
    assert between(flag, flag + 1, types=[BOOLEAN, CATEGORY]) == pytest.approx(1, abs=0.001)


@pytest.mark.parametrize("types", [[NUMBER, NUMBER], [CATEGORY, CATEGORY], [CATEGORY, NUMBER]])
def test_being_blank_together_is_no_association(random: np.random.Generator, types: list[FeatureType]) -> None:
    blank = np.where(random.random(ROWS) < 0.5, np.nan, 0)
    one, other = random.integers(1, 4, ROWS) + blank, random.integers(1, 4, ROWS) + blank
    assert abs(between(one, other, types=types)) < 0.03


@pytest.mark.parametrize("types", [[NUMBER, NUMBER], [CATEGORY, CATEGORY], [CATEGORY, NUMBER]])
def test_a_pair_is_compared_where_both_are_known(random: np.random.Generator, types: list[FeatureType]) -> None:
    level = random.integers(1, 6, ROWS)
    one, other = level.astype(float), copied(level, 0.5, 5)
    one[: ROWS // 3], other[-ROWS // 3 :] = np.nan, np.nan
    assert between(one, other, types=types) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("types", [[NUMBER, NUMBER], [CATEGORY, CATEGORY], [CATEGORY, NUMBER], [NUMBER, BOOLEAN]])
def test_too_few_rows_known_together_or_only_one_value_give_no_association(types: list[FeatureType]) -> None:
    flag = np.arange(100) % 2.0
    apart, constant = np.where(np.arange(100) < 25, flag, np.nan), np.ones(100)
    assert between(flag, apart, types=types) == 0
    assert between(flag, constant, types=types) == 0
    assert between(flag, np.full(100, np.nan), types=types) == 0


def test_a_seed_fixes_which_rows_of_a_large_table_are_looked_at(random: np.random.Generator) -> None:
    matrix = random.normal(size=(30_000, 2)).astype(np.float32)
    features = [Feature("a", NUMBER), Feature("b", NUMBER)]
    one, again, other = (associate(matrix, features, seed=seed)[0, 1] for seed in (1, 1, 2))
    assert one == again != other


@given(st.integers(0, 2**32 - 1), st.integers(0, 120))
def test_the_matrix_is_symmetric_and_within_its_range(seed: int, rows: int) -> None:
    random = np.random.default_rng(seed)
    types = [NUMBER, CATEGORY, BOOLEAN, NUMBER, CATEGORY]
    matrix = random.integers(0, random.integers(1, 6), (rows, 5)).astype(np.float32)
    matrix[random.random(matrix.shape) < random.random()] = np.nan
    values = associate(matrix, [Feature(str(index), type) for index, type in enumerate(types)], seed=seed)
    assert (values == values.T).all()
    assert (np.abs(values) <= 1).all()
    assert (np.diag(values) == 1).all()
