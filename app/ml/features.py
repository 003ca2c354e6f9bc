"""How feature values become the model's input: one encoder for training, single scores and bulk scoring.

A cell is one float32. A number is itself; a boolean is 0 or 1; a category is the position of its level, counted from 1,
and one past the last for a level that training never saw; a missing value is NaN.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import nan

import numpy as np
from numpy.typing import NDArray

from app.domain.features import LARGEST_FLOAT32, Feature, FeatureType, FeatureValue
from app.domain.formulas import Formula
from app.errors import Invalid, Violation, json_pointer

Coder = Callable[[FeatureValue], float]


class FeaturesRefused(Invalid):
    """The features do not fit the model's input contract."""


@dataclass(frozen=True, slots=True)
class Contract:
    """The features of one bundle in the order of its input, each with the function that codes its values.

    `raw` is what may be sent, `needed` what of it the model reads, itself or through `derived`; `checked` are the raw
    features that no coder checks: those it passes over and those that formulas read; `levels` are what training saw of
    each category, nothing included.
    """

    features: tuple[Feature, ...]
    coders: tuple[tuple[str, Coder], ...]
    derived: tuple[tuple[str, Formula], ...]
    checked: tuple[Feature, ...]
    levels: tuple[tuple[str, frozenset[str | None]], ...]
    raw: frozenset[str]
    needed: frozenset[str]

    @classmethod
    def of(
        cls,
        features: Sequence[Feature],
        derived: Sequence[tuple[str, Formula]] = (),
        accepted: Sequence[Feature] = (),
    ) -> "Contract":
        """Make the contract of a model that reads `features`, some `derived`; `accepted` may be sent besides."""
        made = {name for name, _ in derived}
        operands = frozenset[str]().union(*(formula.operands for _, formula in derived))
        read = [feature for feature in features if feature.name not in made]
        return cls(
            tuple(features),
            tuple((feature.name, coder_of(feature)) for feature in features),
            tuple(derived),
            (*accepted, *(feature for feature in read if feature.name in operands)),
            tuple(
                (each.name, frozenset({None, *each.levels})) for each in features if each.type is FeatureType.CATEGORY
            ),
            frozenset(feature.name for feature in (*read, *accepted)),
            frozenset(feature.name for feature in read) | operands,
        )


def complete(contract: Contract, values: Mapping[str, FeatureValue], as_of: date | None) -> Mapping[str, FeatureValue]:
    """Check the raw values that no coder checks, and add what is derived from them as of a day.

    Raises FeaturesRefused as `encode` does.
    """
    if not contract.raw >= values.keys():
        raise _refusal(contract, values)
    if any(feature.why_refused(values[feature.name]) for feature in contract.checked if feature.name in values):
        raise _refusal(contract, values)
    if not contract.derived:
        return values
    return {**values, **{name: formula(values, as_of) for name, formula in contract.derived}}


def encode(contract: Contract, values: Mapping[str, FeatureValue]) -> NDArray[np.float32]:
    """Code one subscriber's completed values as [1, features]; a feature that is not given is missing.

    Raises FeaturesRefused with one violation for each name or value that does not fit, at most twenty.
    """
    try:
        cells = [code(values.get(name)) for name, code in contract.coders]
    except ValueError:
        raise _refusal(contract, {name: values[name] for name in values.keys() & contract.raw}) from None
    return np.array([cells], np.float32)


def encode_many(contract: Contract, columns: Mapping[str, Sequence[FeatureValue]]) -> NDArray[np.float32]:
    """Code whole columns, all of the same length, as [rows, features]; columns outside the contract are not read.

    Raises FeaturesRefused at the first value that does not fit, naming its feature and row (counted from 0).
    """
    matrix = np.empty((len(columns[contract.features[0].name]), len(contract.features)), np.float32)
    for index, (name, code) in enumerate(contract.coders):
        try:
            matrix[:, index] = [code(value) for value in columns[name]]
        except ValueError:
            raise _refusal_of_column(contract.features[index], columns[name]) from None
    return matrix


def unseen_levels(contract: Contract, values: Mapping[str, FeatureValue]) -> list[str]:
    """Name the category features whose level training never saw: such a score deserves less trust."""
    return [name for name, levels in contract.levels if values.get(name) not in levels]


def first_code(feature: Feature) -> int:
    """Return the code of the first level: 0 for a boolean (false), 1 for a category."""
    return 0 if feature.type is FeatureType.BOOLEAN else 1


def coder_of(feature: Feature) -> Coder:
    """Return the function that codes one value of this feature, and raises ValueError for a value that may not stand.

    Each answers the plain case at once and leaves all others to `Feature.why_refused`, the only place with the rules.
    """
    match feature.type:
        case FeatureType.NUMBER:
            return _number_coder(feature)
        case FeatureType.BOOLEAN:
            return _boolean_coder(feature)
        case FeatureType.CATEGORY:
            return _category_coder(feature)
        case FeatureType.DATE:
            raise ValueError("a date is never a model input")


def _number_coder(feature: Feature) -> Coder:
    least = -LARGEST_FLOAT32 if feature.minimum is None else feature.minimum
    most = LARGEST_FLOAT32 if feature.maximum is None else feature.maximum

    def code(value: FeatureValue) -> float:
        if (type(value) is float or type(value) is int) and least <= value <= most:
            return float(value)
        _check(feature, value)
        return nan if value is None else float(value)

    return code


def _boolean_coder(feature: Feature) -> Coder:
    def code(value: FeatureValue) -> float:
        if value is True:
            return 1.0
        if value is False:
            return 0.0
        _check(feature, value)
        return nan

    return code


def _category_coder(feature: Feature) -> Coder:
    first = first_code(feature)
    codes = {level: float(position) for position, level in enumerate(feature.levels, first)}
    unseen = float(first + len(codes))

    def code(value: FeatureValue) -> float:
        if isinstance(value, str) and value in codes:
            return codes[value]
        _check(feature, value)
        return nan if value is None else unseen

    return code


def _check(feature: Feature, value: FeatureValue) -> None:
    if reason := feature.why_refused(value):
        raise ValueError(reason)


def _refusal(contract: Contract, values: Mapping[str, FeatureValue]) -> FeaturesRefused:
    unknown = [
        Violation(json_pointer("features", name), "is not a feature of this model")
        for name in values.keys() - contract.raw
    ]
    wrong = {
        Violation(json_pointer("features", feature.name), reason)
        for feature in (*contract.features, *contract.checked)
        if feature.name in contract.raw and (reason := feature.why_refused(values.get(feature.name)))
    }
    violations = sorted({*unknown, *wrong})
    return FeaturesRefused("Some features do not fit the model's input contract.", violations)


def _refusal_of_column(feature: Feature, column: Sequence[FeatureValue]) -> FeaturesRefused:
    row, reason = next((row, why) for row, value in enumerate(column) if (why := feature.why_refused(value)))
    return FeaturesRefused(
        f"{feature.name} in row {row} {reason}.",
        [Violation(json_pointer("features", feature.name), f"{reason} (row {row})")],
    )
