"""Where the bins are laid, and that every row falls into one of each column's."""

from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.domain.drift import psi
from app.domain.features import Feature, FeatureType
from app.ml.bundle import Bundle
from app.ml.drift import MISSING, Bins, reference_of
from app.ml.manifest import MOST_CUTS, Distribution, Reference
from app.ml.training.material import Material

Cells = NDArray[np.float32]
AMOUNT = Feature("amount", FeatureType.NUMBER)
SCORES = np.array([0.5])
cells = st.lists(st.none() | st.floats(-1e6, 1e6, width=32) | st.integers(0, 4), min_size=1, max_size=300)


def column(values: list[float | None]) -> Cells:
    return np.array([np.nan if value is None else value for value in values], np.float32)


def laid(feature: Feature, found: Cells) -> Distribution:
    return reference_of([feature], found[:, np.newaxis], SCORES).features[0]


def counted(distribution: Distribution, found: Cells) -> list[int]:
    reference = Reference(features=(distribution,), score=distribution)
    bins = Bins.of(reference)
    (of_column,), _ = bins.split(bins.count(found[:, np.newaxis], np.zeros(len(found))))
    return of_column


def plan(levels: int) -> Feature:
    return Feature("plan", FeatureType.CATEGORY, levels=tuple(f"plan {number:03}" for number in range(levels)))


@given(cells)
def test_every_row_falls_into_one_bin_and_a_missing_one_into_the_first(values: list[float | None]) -> None:
    found = column(values)
    distribution = laid(AMOUNT, found)

    assert sum(distribution.counts) == len(values)
    assert distribution.counts[MISSING] == values.count(None)
    assert len(distribution.cuts) <= MOST_CUTS
    assert list(distribution.counts) == counted(distribution, found)


@given(cells)
def test_a_row_is_in_the_bin_after_the_cuts_it_has_reached(values: list[float | None]) -> None:
    distribution = laid(AMOUNT, column(values))
    for value in values:
        place = counted(distribution, column([value])).index(1)
        cell = None if value is None else float(np.float32(value))
        assert place == (MISSING if cell is None else 1 + sum(cut <= cell for cut in distribution.cuts))


def test_a_number_has_ten_bins_of_equal_shares() -> None:
    assert laid(AMOUNT, np.arange(1000, dtype=np.float32)).counts == (0, *[100] * 10)


def test_a_value_that_most_rows_have_is_a_bin_of_its_own() -> None:
    """Deciles would put all of them, and what lies above, into one bin that never drifts."""
    mostly_nothing = np.repeat([-1, 0, 1, 2, 3], [20, 950, 10, 10, 10]).astype(np.float32)
    distribution = laid(AMOUNT, mostly_nothing)
    assert distribution.counts == (0, 20, 950, 30)

    after = np.repeat([-1, 0, 1, 2, 3], [20, 550, 200, 130, 100]).astype(np.float32)
    assert psi(distribution.counts, counted(distribution, after)) > 0.25


def test_a_boolean_has_a_bin_a_side() -> None:
    assert laid(Feature("partner", FeatureType.BOOLEAN), column([0, 0, 0, 1, 1, None])).counts == (1, 3, 2)


def test_a_level_has_a_bin_and_so_have_all_that_were_not_seen() -> None:
    distribution = laid(plan(3), column([1, 2, 2, 3, 3, 3]))
    assert distribution.counts == (0, 1, 2, 3, 0)
    assert counted(distribution, column([4, 4])) == [0, 0, 0, 0, 2]


@pytest.mark.parametrize("levels", [MOST_CUTS, MOST_CUTS + 1, 500])
def test_many_levels_share_bins_of_about_equal_shares_and_those_not_seen_do_not(levels: int) -> None:
    distribution = laid(plan(levels), np.tile(np.arange(1, levels + 1, dtype=np.float32), 20))
    own = levels <= MOST_CUTS

    assert len(distribution.cuts) == (levels if own else 10)
    assert distribution.counts[-1] == 0
    assert max(distribution.counts) <= (20 if own else levels * 20 / 10 + 20)
    assert counted(distribution, column([levels + 1]))[-1] == 1


def test_a_common_level_among_many_keeps_its_own_bin() -> None:
    codes = np.concatenate([np.full(5000, 137), np.tile(np.arange(1, 301), 20)]).astype(np.float32)
    distribution = laid(plan(300), codes)
    assert 5020 in distribution.counts


def test_a_column_without_any_value_has_nothing_but_the_missing() -> None:
    assert laid(AMOUNT, column([None, None])).counts == (2, 0)


def test_a_bundle_carries_how_its_training_rows_and_its_held_out_scores_spread(
    bundle: Bundle, material: Material
) -> None:
    reference = bundle.manifest.reference
    assert reference
    assert [sum(column.counts) for column in reference.features] == [len(material.matrix)] * len(material.matrix.T)
    assert sum(reference.score.counts) == len(material.unseen)
    missing = [column.counts[MISSING] for column in reference.features]
    assert missing == np.isnan(material.matrix).sum(axis=0).tolist()
    assert any(missing)


def test_rows_counted_apart_add_up_to_the_rows_counted_together(bundle: Bundle, unseen: Cells) -> None:
    assert bundle.manifest.reference
    bins = Bins.of(bundle.manifest.reference)
    scores = np.linspace(0, 1, len(unseen))
    apart = [bins.count(unseen[at : at + 100], scores[at : at + 100]) for at in range(0, len(unseen), 100)]

    assert (bins.total(apart) == bins.count(unseen, scores)).all()
    features, score = bins.split(bins.total(apart))
    assert {sum(counts) for counts in chain(features, [score])} == {len(unseen)}
    assert bins.total([]).tolist() == [0] * bins.size


def test_the_reference_is_not_moved_by_the_order_of_its_rows(material: Material) -> None:
    features = material.features
    backwards = reference_of(features, material.matrix[::-1], SCORES)
    assert backwards == reference_of(features, material.matrix, SCORES)
