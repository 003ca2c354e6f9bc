"""Nobody is on both sides of a split, and nothing is learned from the future (C9)."""

from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.ml.training.folds import ONE_SPLIT_ABOVE, TooFewToSplit, folds, keys_of

FIRST = date(2026, 1, 1)


@st.composite
def tables(draw: st.DrawFn) -> tuple[NDArray[np.bool_], list[str], list[str | None], list[date]]:
    """Labels, ids, groups and dates of a table with enough of each class and at least three days."""
    rows = draw(st.integers(60, 200))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    people, teams, days = (draw(st.integers(least, most)) for least, most in ((20, 200), (10, 40), (3, 30)))
    labels = random.random(rows) < draw(st.floats(0.3, 0.7))
    ids = [f"s{number}" for number in random.integers(0, people, rows)]
    groups = [None if number % 3 == 0 else f"g{number}" for number in random.integers(0, teams, rows)]
    dates = [FIRST + timedelta(days=int(number)) for number in random.integers(0, days, rows)]
    return labels, ids, groups, dates


@given(tables(), st.integers(2, 8), st.integers(0, 9))
def test_rows_of_one_subscriber_or_group_are_never_apart_and_each_row_is_tested_once(
    table: tuple[NDArray[np.bool_], list[str], list[str | None], list[date]], count: int, seed: int
) -> None:
    labels, ids, _, _ = table
    found = folds(labels, keys_of(ids), count=count, seed=seed)
    assert sorted(row for _, test in found.splits for row in test) == list(range(len(labels)))
    for train, test in found.splits:
        assert sorted([*train, *test]) == list(range(len(labels)))
        assert not {ids[row] for row in train} & {ids[row] for row in test}


@given(tables(), st.integers(2, 8), st.integers(0, 9))
def test_time_never_flows_backwards_and_no_row_is_tested_twice(
    table: tuple[NDArray[np.bool_], list[str], list[str | None], list[date]], count: int, seed: int
) -> None:
    labels, ids, _, dates = table
    found = folds(labels, keys_of(ids), dates, count=count, seed=seed)
    tested = [row for _, test in found.splits for row in test]
    assert len(tested) == len(set(tested))
    if "later days" in found.protocol:
        for train, test in found.splits:
            assert max(dates[row] for row in train) < min(dates[row] for row in test)
            assert not {ids[row] for row in train} & {ids[row] for row in test}


@given(tables())
def test_a_key_holds_whoever_shares_an_id_or_a_group_and_nobody_else(
    table: tuple[NDArray[np.bool_], list[str], list[str | None], list[date]],
) -> None:
    _, ids, groups, _ = table
    keys = keys_of(ids, groups)
    links: dict[str, int] = {}
    for key, *names in zip(keys.tolist(), ids, groups, strict=True):
        assert {links.setdefault(name, key) for name in names if name is not None} == {key}
    assert sorted(set(keys.tolist())) == list(range(keys.max() + 1))


def test_who_was_in_two_groups_joins_them() -> None:
    keys = keys_of(["a", "b", "b", "c", "d"], ["one", "one", "two", "two", None])
    assert keys[0] == keys[1] == keys[2] == keys[3] != keys[4]


def test_every_fold_has_its_share_of_leavers() -> None:
    labels = np.arange(1000) % 4 == 0
    shares = [labels[test].mean() for _, test in folds(labels, np.arange(1000), seed=1).splits]
    assert shares == pytest.approx([0.25] * 5, abs=0.005)


def test_later_folds_learn_from_more_and_leave_no_day_untested_but_the_first_ones() -> None:
    dates = [FIRST + timedelta(days=row // 100) for row in range(1200)]
    found = folds(np.arange(1200) % 3 == 0, np.arange(1200), dates, seed=1)
    assert [(len(train), len(test)) for train, test in found.splits] == [(200 * k, 200) for k in range(1, 6)]
    assert found.protocol == "5 folds, each tested on later days than it was trained on; 1,200 rows"


def test_a_panel_of_the_same_subscribers_is_tested_on_others_than_it_was_trained_on() -> None:
    ids = [f"s{row % 100}" for row in range(1200)]
    dates = [FIRST + timedelta(days=row // 100) for row in range(1200)]
    found = folds(np.arange(1200) % 7 == 0, keys_of(ids), dates, seed=1)
    assert [(len(train), len(test)) for train, test in found.splits] == [(160 * k, 40) for k in range(1, 6)]
    assert "the rows of one subscriber or group stay on one side" in found.protocol


@pytest.mark.parametrize("dated", [False, True])
def test_a_large_table_is_split_once(dated: bool) -> None:  # noqa: FBT001  # a parameter of the test
    rows = ONE_SPLIT_ABOVE + 4
    dates = [FIRST + timedelta(days=row % 4) for row in range(rows)] if dated else None
    found = folds(np.arange(rows) % 5 == 0, np.arange(rows), dates, seed=1)
    assert [(len(train), len(test)) for train, test in found.splits] == [(rows * 3 // 4, rows // 4)]
    assert found.protocol.startswith("one split")


def test_dates_that_leave_too_little_to_learn_from_are_not_followed() -> None:
    dates = [FIRST + timedelta(days=min(row, 2)) for row in range(100)]
    assert "stratified" in folds(np.arange(100) % 2 == 0, np.arange(100), dates, seed=1).protocol


def test_few_leavers_mean_few_folds_and_one_alone_none() -> None:
    labels = np.arange(50) < 4
    assert len(folds(labels, np.arange(50), seed=1).splits) == 4
    with pytest.raises(TooFewToSplit):
        folds(np.arange(50) < 2, np.arange(50), seed=1)
    with pytest.raises(TooFewToSplit):
        folds(labels, np.zeros(50, np.intp), seed=1)


def test_the_same_seed_gives_the_same_folds_and_another_seed_others() -> None:
    labels = np.arange(100) % 3 == 0
    one, same, other = (folds(labels, np.arange(100), seed=seed).splits[0][1].tolist() for seed in (1, 1, 2))
    assert one == same != other
    assert all(low < high for low, high in pairwise(one))
