"""A log of who was given which arm with what probability, and what became: checked before it is learned from."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.domain.features import Feature, FeatureType, FeatureValue
from app.errors import Invalid
from app.ml.dataset import Dataset
from app.ml.features import Contract, encode_many
from app.ml.manifest import ARM
from app.ml.training.dataset import learn_contract, without_constant, without_protected
from app.ml.training.folds import Keys, keys_of

LEAST_ROWS: Final = 100  # in each arm
LEAST_OUTCOMES: Final = 20  # of either kind in each arm
CLOSE: Final = 1e-6
Floats = NDArray[np.float64]


class LogRefused(Invalid):
    """The log cannot be learned from."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a log says beside the features, row by row: the arm given, and the probability of each arm.

    Without `propensities` nobody knows how the arms were chosen. `given_on` and `became_on` may be unknown.
    """

    arms: Sequence[str | None]
    control: str
    propensities: Mapping[str, Sequence[float]] | None
    given_on: Sequence[date | None] | None = None
    became_on: Sequence[date | None] | None = None


@dataclass(frozen=True, slots=True)
class Experiment:
    """N rows to learn from, encoded: `matrix` [N, features + 1], whose last column is the arm.

    `arms` names the A arms, the control first; `arm` [N] indexes them; `propensities` [N, A] are the probabilities of
    each. `is_randomised` says whether those were known.
    """

    features: tuple[Feature, ...]
    raw: tuple[Feature, ...]
    dropped: Mapping[str, str]
    arms: tuple[str, ...]
    matrix: NDArray[np.float32]
    arm: NDArray[np.intp]
    propensities: Floats
    outcomes: NDArray[np.bool_]
    keys: Keys
    is_randomised: bool
    dataset: Dataset

    def under(self, arm: int, rows: NDArray[np.intp] | None = None) -> NDArray[np.float32]:
        """All rows, or those named, as if they had been given this arm."""
        matrix = self.matrix.copy() if rows is None else self.matrix[rows]
        matrix[:, -1] = arm + 1
        return matrix


def experiment_of(dataset: Dataset, assignment: Assignment) -> Experiment:
    """Check a log and encode it. Raises LogRefused saying in one line what it lacks, or DatasetRefused."""
    arms = _arms(assignment)
    propensities = _propensities(assignment, arms)
    place = {arm: index for index, arm in enumerate(arms)}
    arm = np.array([place[str(given)] for given in assignment.arms], np.intp)
    _require_order(assignment)
    _require_one_at_a_time(dataset.ids, assignment)
    _require_enough(arms, arm, dataset.labels)
    computed = {made.name for made in dataset.derived}
    raw = (*(feature for feature in dataset.features if feature.name not in computed), *dataset.raw)
    narrowed, protected = without_protected(dataset)
    narrowed, flat = without_constant(narrowed)
    features = tuple(replace(feature, nullable=True) for feature in learn_contract(narrowed))
    if any(feature.name == ARM for feature in features):
        raise LogRefused(f"a feature is called {ARM!r}, which is the name of the model's own input for the arm")
    given = Feature(ARM, FeatureType.CATEGORY, None, None, None, arms, nullable=False)
    columns: dict[str, Sequence[FeatureValue]] = {**narrowed.columns, ARM: list(assignment.arms)}
    return Experiment(
        features=(*features, given),
        raw=raw,
        dropped=dict.fromkeys(protected, "protected") | dict.fromkeys(flat, "constant"),
        arms=arms,
        matrix=encode_many(Contract.of((*features, given)), columns),
        arm=arm,
        propensities=propensities,
        outcomes=narrowed.labels,
        keys=keys_of(narrowed.ids, narrowed.groups),
        is_randomised=assignment.propensities is not None,
        dataset=narrowed,
    )


def _arms(assignment: Assignment) -> tuple[str, ...]:
    seen = {given for given in assignment.arms if given}
    if None in assignment.arms or "" in assignment.arms:
        raise LogRefused(f"row {_first(not given for given in assignment.arms)}: the arm is not told")
    if assignment.control not in seen:
        raise LogRefused(f"nobody in the log was given the control arm {assignment.control!r}: name it with --control")
    if len(seen) == 1:
        raise LogRefused("the log has one arm only: there is nothing to compare it with")
    return (assignment.control, *sorted(seen - {assignment.control}))


def _propensities(assignment: Assignment, arms: tuple[str, ...]) -> Floats:
    if assignment.propensities is None:
        shares = [list(assignment.arms).count(arm) / len(assignment.arms) for arm in arms]
        return np.tile(shares, (len(assignment.arms), 1))
    if unknown := sorted(set(arms) - assignment.propensities.keys()):
        raise LogRefused(f"the arm {unknown[0]!r} stands in the log and has no propensity: name it with --propensity")
    if unused := sorted(assignment.propensities.keys() - set(arms)):
        raise LogRefused(f"the arm {unused[0]!r} has a propensity, and nobody in the log was given it")
    known = np.column_stack([np.asarray(assignment.propensities[arm], np.float64) for arm in arms])
    if not ((known > 0) & (known < 1)).all():
        row = _first(not 0 < least < 1 for least in np.minimum(known, 1 - known).min(axis=1).tolist())
        raise LogRefused(f"row {row}: each arm's propensity must lie between 0 and 1, or nothing is left to chance")
    if (wrong := np.abs(known.sum(axis=1) - 1) > CLOSE).any():
        row = _first(wrong.tolist())
        raise LogRefused(f"row {row}: the propensities add up to {known[row - 1].sum():.4g} and not to 1")
    return known


def _require_order(assignment: Assignment) -> None:
    if assignment.given_on is None or assignment.became_on is None:
        return
    both = zip(assignment.given_on, assignment.became_on, strict=True)
    early = [given is not None and became is not None and became < given for given, became in both]
    if any(early):
        raise LogRefused(f"row {_first(early)}: the outcome comes before the treatment")


def _require_one_at_a_time(ids: Sequence[str], assignment: Assignment) -> None:
    days = assignment.given_on or [None] * len(ids)
    seen: dict[tuple[str, date | None], int] = {}
    for row, key in enumerate(zip(ids, days, strict=True), 1):
        if key in seen:
            raise LogRefused(
                f"rows {seen[key]} and {row} give one subscriber two arms at a time: campaigns must not overlap"
            )
        seen[key] = row


def _require_enough(arms: tuple[str, ...], arm: NDArray[np.intp], outcomes: NDArray[np.bool_]) -> None:
    for index, name in enumerate(arms):
        rows, happened = int((arm == index).sum()), int(outcomes[arm == index].sum())
        least = min(happened, rows - happened)
        if rows < LEAST_ROWS or least < LEAST_OUTCOMES:
            raise LogRefused(
                f"too few outcomes: the arm {name!r} has {rows} rows, {happened} with the outcome;"
                f" {LEAST_ROWS} rows and {LEAST_OUTCOMES} of either kind at least"
            )


def _first(holds: Iterable[bool]) -> int:
    return next(row for row, one in enumerate(holds, 1) if one)
