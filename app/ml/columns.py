"""Columns of Arrow as a model's input: whole columns at once, as far as their values are plain.

Plain is what needs no second look: a number in its range, a boolean, a text that may stand for a level, or nothing
where nothing may stand. Which rows are not is told, and they are left to the rules for single rows (`features.encode`).
Plain rows are coded as these would code them, to the last bit.
"""

from collections.abc import Callable, Mapping
from datetime import date
from math import nan
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from app.domain.features import LARGEST_FLOAT32, Feature, FeatureType
from app.domain.texts import why_unsafe
from app.ml.features import Contract, coder_of

Columns = Mapping[str, pa.Array]


class Encoded(NamedTuple):
    """The model's input [rows, features], and which rows [rows] of it are plain; the others are to be coded yet."""

    matrix: NDArray[np.float32]
    plain: NDArray[np.bool_]


class Cells(NamedTuple):
    """One column coded [rows], and which of its cells [rows] are plain."""

    codes: NDArray[np.float64]
    plain: NDArray[np.bool_]


def encode_columns(contract: Contract, columns: Columns, rows: int, as_of: date) -> Encoded:
    """Code columns of `rows` cells each; a feature without a column is missing, a column that is no feature unread."""
    given = [feature for feature in contract.features if feature.name not in dict(contract.derived)]
    coded = {feature.name: _cells(feature, columns.get(feature.name), rows) for feature in (*given, *contract.checked)}
    plain = np.logical_and.reduce([cells.plain for cells in coded.values()]) if coded else np.ones(rows, bool)
    codes = {name: cells.codes for name, cells in coded.items()} | _derived(contract, columns, plain, as_of)
    matrix = np.empty((len(contract.features), rows), np.float32)
    for place, feature in enumerate(contract.features):
        matrix[place] = codes[feature.name]
    return Encoded(np.ascontiguousarray(matrix.T), plain)


def _derived(
    contract: Contract, columns: Columns, plain: NDArray[np.bool_], as_of: date
) -> dict[str, NDArray[np.float64]]:
    """Compute what is derived, by the formulas for single rows: they are short, and few."""
    found = {}
    for name, formula in contract.derived:
        operands = {one: columns[one].to_pylist() for one in formula.operands if one in columns}
        values = [
            formula({one: told[row] for one, told in operands.items()}, as_of) if is_plain else None
            for row, is_plain in enumerate(plain.tolist())
        ]
        found[name] = np.array(values, np.float64)  # None becomes NaN
    return found


def _cells(feature: Feature, column: pa.Array | None, rows: int) -> Cells:
    if column is None or pa.types.is_null(column.type):
        return Cells(np.full(rows, nan), np.full(rows, feature.nullable))
    if pa.types.is_dictionary(column.type) and feature.type is not FeatureType.CATEGORY:
        column = column.dictionary_decode()
    return CODERS[feature.type](feature, column)


def _numbers(feature: Feature, column: pa.Array) -> Cells:
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        return _none_plain(column)
    codes = column.to_numpy(zero_copy_only=False).astype(np.float64)  # null becomes NaN
    least = -LARGEST_FLOAT32 if feature.minimum is None else feature.minimum
    most = LARGEST_FLOAT32 if feature.maximum is None else feature.maximum
    plain = (codes >= least) & (codes <= most)
    if column.null_count and feature.nullable:
        plain |= _missing(column)
    codes[~plain] = nan
    return Cells(codes, plain)


def _booleans(feature: Feature, column: pa.Array) -> Cells:
    if not pa.types.is_boolean(column.type):
        return _none_plain(column)
    missing = _missing(column)
    codes = column.fill_null(fill_value=False).to_numpy(zero_copy_only=False).astype(np.float64)
    codes[missing] = nan
    return Cells(codes, ~missing | feature.nullable)


def _levels(feature: Feature, column: pa.Array) -> Cells:
    """Code each distinct text once. A date is checked as one, and has no code."""
    if is_text(column.type):
        column = column.dictionary_encode()
    if not pa.types.is_dictionary(column.type):
        return _none_plain(column)
    texts = [*column.dictionary.to_pylist(), None]  # the last stands for what is missing
    code = coder_of(feature) if feature.type is FeatureType.CATEGORY else lambda _: nan
    is_plain = [feature.why_refused(text) is None and not (text and why_unsafe(text)) for text in texts]
    codes = np.array([code(text) if plain else nan for text, plain in zip(texts, is_plain, strict=True)])
    places = column.indices.fill_null(len(texts) - 1).to_numpy(zero_copy_only=False)
    return Cells(codes[places], np.array(is_plain)[places])


def is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _none_plain(column: pa.Array) -> Cells:
    return Cells(np.full(len(column), nan), np.zeros(len(column), bool))


def _missing(column: pa.Array) -> NDArray[np.bool_]:
    missing: NDArray[np.bool_] = column.is_null().to_numpy(zero_copy_only=False)
    return missing


CODERS: Final[Mapping[FeatureType, Callable[[Feature, pa.Array], Cells]]] = {
    FeatureType.NUMBER: _numbers,
    FeatureType.BOOLEAN: _booleans,
    FeatureType.CATEGORY: _levels,
    FeatureType.DATE: _levels,
}
