"""A guard against features that give the label away: filled in, or changed, because the subscriber had left."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from app.domain.features import Feature, FeatureType
from app.errors import Invalid
from app.ml.training.effects import bin_of, out_of_fold_auc

LARGEST_AUC = 0.99
LEAST_OF_A_CLASS = 10  # for the AUC: fewer rows are told apart by chance
SHARE_OF_LEAVERS = 0.5
SHARE_OF_STAYERS = 0.001
LEAST_LEAVERS = 20
MOST_BINS = 200
LEAST_OF_A_BIN = 40  # with fewer rows, one leaver by chance lifts a bin's rate above many others
SEED = 0  # deals the folds of a yes-or-no check: nothing a caller would want to vary

Values = NDArray[np.float32]


class LeakageFound(Invalid):
    """A feature gives the label away."""


def guard(
    matrix: NDArray[np.float32], labels: NDArray[np.bool_], features: Sequence[Feature], *, allowed: frozenset[str]
) -> None:
    """Raise LeakageFound naming every column of encoded rows [N, features] that no honest feature looks like.

    Such a column alone tells leavers from stayers with an AUC of .99 or more, or one state of it (blank, filled in, one
    value, any but the usual one, beyond a point) holds at least half of the leavers, 20 or more, and at most one in a
    thousand of the stayers. The features in `allowed` are not looked at.
    """
    found = {
        feature.name: reason
        for column, feature in zip(matrix.T, features, strict=True)
        if feature.name not in allowed and (reason := _why_leaking(column, labels, feature))
    }
    if found:
        reasons = "; ".join(f"{name!r} {reason}" for name, reason in found.items())
        raise LeakageFound(
            f"The label is given away: {reasons}. Leave out what is known only once a subscriber has left; where it is"
            f" known before, go on with {' '.join(f'--allow-leak {name}' for name in found)}."
        )


def _why_leaking(column: Values, labels: NDArray[np.bool_], feature: Feature) -> str | None:
    left, stayed = int(labels.sum()), int((~labels).sum())
    for state, rows in _states(column, labels, feature):
        leavers, stayers = int((rows & labels).sum()), int((rows & ~labels).sum())
        if leavers >= max(LEAST_LEAVERS, SHARE_OF_LEAVERS * left) and stayers <= SHARE_OF_STAYERS * stayed:
            return f"{state} for {leavers / left:.1%} of the leavers and {stayers / stayed:.2%} of the stayers"
    if min(left, stayed) < LEAST_OF_A_CLASS:
        return None
    bins = min(MOST_BINS, max(2, len(column) // LEAST_OF_A_BIN))
    auc = out_of_fold_auc(bin_of(column, feature, bins), labels, seed=SEED)
    return f"alone tells leavers from stayers (AUC {auc:.3f})" if auc >= LARGEST_AUC else None


def _states(column: Values, labels: NDArray[np.bool_], feature: Feature) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield the states that could hold most leavers and hardly a stayer, in words, each with its rows [N].

    A state of half the leavers is their commonest value; one that nearly all stayers lack is any but theirs.
    """
    theirs, usual = _commonest(column[labels]), _commonest(column[~labels])
    yield "is blank" if np.isnan(theirs) else "has one and the same value", _equal(column, theirs)
    yield "is filled in" if np.isnan(usual) else "has another than its usual value", ~_equal(column, usual)
    if feature.type is FeatureType.NUMBER:
        values = np.sort(column[~labels & ~np.isnan(column)])
        spared = int(SHARE_OF_STAYERS * (~labels).sum())  # stayers that may lie beyond the point
        if len(values) > spared:
            yield "lies above one point", column > values[-1 - spared]
            yield "lies below one point", column < values[spared]


def _commonest(values: Values) -> float:
    states, counts = np.unique(values, return_counts=True)
    return float(states[counts.argmax()])


def _equal(column: Values, value: float) -> NDArray[np.bool_]:
    return np.isnan(column) if np.isnan(value) else column == value
