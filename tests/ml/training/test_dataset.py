"""What a model may see of a table."""

from dataclasses import replace

import numpy as np
import pytest

from app.domain.features import Feature, FeatureType
from app.ml.dataset import Dataset, DatasetRefused
from app.ml.training.dataset import (
    is_held_out,
    learn_contract,
    sha256_of,
    split,
    without_constant,
    without_protected,
)

TABLE = Dataset(
    [str(row) for row in range(400)],
    (
        Feature("minutes", FeatureType.NUMBER),
        Feature("plan", FeatureType.CATEGORY),
        Feature("Gender", FeatureType.CATEGORY),
    ),
    {
        "minutes": [float(row) if row % 7 else None for row in range(400)],
        "plan": ["gold" if row % 3 else "basic" for row in range(400)],
        "Gender": ["f" if row % 2 else "m" for row in range(400)],
    },
    np.arange(400) % 5 == 0,
)


def reversed_table(table: Dataset) -> Dataset:
    columns = {name: column[::-1] for name, column in table.columns.items()}
    return Dataset(table.ids[::-1], table.features, columns, table.labels[::-1])


def test_a_quarter_of_the_subscribers_is_held_out_by_their_ids_alone() -> None:
    # C1: the sample is documented and repeatable; it takes leavers and stayers alike
    held_out = [id for id in TABLE.ids if is_held_out(id)]
    assert len([id for id in range(100_000) if is_held_out(str(id))]) == pytest.approx(25_000, rel=0.02)
    assert split(TABLE)[1].ids == sorted(held_out)
    assert set(split(TABLE)[0].ids) == set(TABLE.ids) - set(held_out)


def test_which_ids_are_held_out_never_changes() -> None:
    assert [id for id in map(str, range(20)) if is_held_out(id)] == ["11", "12", "13"]


def test_the_order_of_the_table_changes_neither_side_nor_checksum() -> None:
    # C1: same sample, same hash
    other = reversed_table(TABLE)
    for side, same in zip(split(TABLE), split(other), strict=True):
        assert side.ids == same.ids
        assert side.columns == same.columns
        assert (side.labels == same.labels).all()
    assert sha256_of(TABLE) == sha256_of(other)


def test_the_checksum_covers_every_value_and_label() -> None:
    changed = replace(TABLE, columns=TABLE.columns | {"minutes": [*TABLE.columns["minutes"][:-1], 1.0]})
    assert len({sha256_of(TABLE), sha256_of(changed), sha256_of(replace(TABLE, labels=~TABLE.labels))}) == 3


def test_protected_columns_are_dropped_by_name_however_it_is_written() -> None:
    # G14
    kept, dropped = without_protected(TABLE)
    assert [feature.name for feature in kept.features] == ["minutes", "plan"]
    assert dropped == ["Gender"]


def test_a_column_with_one_value_is_dropped() -> None:
    flat = replace(TABLE, columns=TABLE.columns | {"plan": ["gold"] * 400})
    assert without_constant(flat)[1] == ["plan"]


def test_a_table_without_a_usable_column_is_refused() -> None:
    with pytest.raises(DatasetRefused, match="No column"):
        without_protected(replace(TABLE, features=TABLE.features[2:]))


def test_levels_and_missing_values_are_learned_from_the_rows() -> None:
    minutes, plan = learn_contract(without_protected(TABLE)[0])
    assert plan.levels == ("basic", "gold")
    assert minutes.nullable
    assert not plan.nullable


def test_a_text_that_is_an_id_in_disguise_is_refused_before_anything_is_fitted() -> None:
    names = Dataset(
        [str(row) for row in range(20_000)],
        (Feature("name", FeatureType.CATEGORY),),
        {"name": [f"subscriber {row}" for row in range(20_000)]},
        np.arange(20_000) % 2 == 0,
    )
    with pytest.raises(DatasetRefused, match="'name' holds 20,000 different texts"):
        learn_contract(names)


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(DatasetRefused, match="different lengths"):
        replace(TABLE, ids=TABLE.ids[1:])
