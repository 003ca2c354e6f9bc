"""Whole columns of a table as a mapping reads them, as far as each cell is plain; the others are read row by row."""

from collections.abc import Callable, Hashable
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from app.domain.subscribers import SUBSCRIBER_ID
from app.ml.columns import is_text
from app.pipelines.fields import FieldMapping
from app.pipelines.mapping import Mapping
from app.pipelines.records import converter, number_in

_TYPES: Final = {"number": pa.float64(), "boolean": pa.bool_()}
_REMEMBERED: Final = 100_000


class Read(NamedTuple):
    """Ids [rows], features by name [rows each], and which rows [rows] are plain: of the others these hold nothing."""

    ids: pa.Array
    features: dict[str, pa.Array]
    plain: NDArray[np.bool_]


class Reader:
    """Reads batches of one table. Every row it calls plain, a record of that row says the same of."""

    def __init__(self, mapping: Mapping) -> None:
        self._id = mapping.id
        self._sources = [(column, source, _Distinct(source)) for column, source in mapping.sources()]

    def read(self, batch: pa.RecordBatch) -> Read:
        ids, plain = _ids(batch.column(self._id))
        features = {}
        for column, source, distinct in self._sources:
            found, fits = _numbers(source, batch.column(column)) or distinct.read(batch.column(column))
            plain &= fits
            place, name = source.place
            if place == "features":
                features[name] = found
        return Read(ids, features, plain)


def _ids(column: pa.Array) -> tuple[pa.Array, NDArray[np.bool_]]:
    if pa.types.is_integer(column.type):
        return column.cast(pa.string()), column.is_valid().to_numpy(zero_copy_only=False)
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if not is_text(column.type):
        return pa.nulls(len(column), pa.string()), np.zeros(len(column), bool)
    ids = column.cast(pa.string())
    return ids, are_ids(ids)


def are_ids(texts: pa.Array) -> NDArray[np.bool_]:
    """Tell which of these texts [rows] are subscriber ids."""
    fits = pc.match_substring_regex(texts, f"^(?:{SUBSCRIBER_ID})$").fill_null(fill_value=False)
    found: NDArray[np.bool_] = fits.to_numpy(zero_copy_only=False)
    return found


def _numbers(source: FieldMapping, column: pa.Array) -> tuple[pa.Array, NDArray[np.bool_]] | None:
    """Read a column of numbers that is to be one: plain is what is no mark, and in the mapping's range."""
    is_float = pa.types.is_floating(column.type)
    if source.type != "number" or source.part or not (is_float or pa.types.is_integer(column.type)):
        return None
    values = column.to_numpy(zero_copy_only=False).astype(np.float64)
    missing = np.isnan(values)
    least, most = (-np.inf if source.min is None else source.min), (np.inf if source.max is None else source.max)
    plain = missing | ((values >= least) & (values <= most))
    for mark in {number_in(word.strip()) for word in source.missing} - {None}:
        plain &= values != mark
    return pa.array(values, mask=missing), plain


class _Distinct:
    """Converts each distinct cell of a column once, and remembers it."""

    def __init__(self, source: FieldMapping) -> None:
        self._convert = converter(source)
        self._type = _TYPES.get(source.type, pa.string())
        self._known: dict[Hashable, tuple[Any, bool]] = {}

    def read(self, column: pa.Array) -> tuple[pa.Array, NDArray[np.bool_]]:
        try:
            coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        except (pa.ArrowNotImplementedError, pa.ArrowInvalid):  # a column of lists
            return pa.nulls(len(column), self._type), np.zeros(len(column), bool)
        found = [self._of(cell) for cell in (*coded.dictionary.to_pylist(), None)]
        places = coded.indices.fill_null(len(found) - 1)
        values = pa.array([value for value, _ in found], self._type)
        fits = np.array([plain for _, plain in found])[places.to_numpy(zero_copy_only=False)]
        if self._type == pa.string():
            return pa.DictionaryArray.from_arrays(places, values), fits
        return values.take(places), fits

    def _of(self, cell: Any) -> tuple[Any, bool]:
        if not isinstance(cell, Hashable):
            return None, False
        key = (type(cell), cell)
        found = self._known.get(key)
        if found is None:
            found = _plainly(self._convert, cell)
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[key] = found
        return found


def _plainly(convert: Callable[[Any], Any], cell: Any) -> tuple[Any, bool]:
    try:
        value = convert(cell)
    except ValueError:
        return None, False
    return (value if isinstance(value, str | float | bool) or value is None else str(value)), True
