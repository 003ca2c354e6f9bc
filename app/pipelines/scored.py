"""Scores as columns: probability, band and strongest drivers of many rows."""

from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from app.domain.scores import Band
from app.ml.bundle import Bundle
from app.ml.drivers import strongest
from app.ml.scorer import Scores

_BANDS: Final = pa.array([band.value for band in (Band.LOW, Band.MEDIUM, Band.HIGH, Band.CRITICAL)])


def scored_columns(
    bundle: Bundle, scores: Scores, limit: int, missing: NDArray[np.bool_] | None = None
) -> dict[str, pa.Array]:
    """Lay out [rows] of probability, band, driver_1… and contribution_1…, up to `limit` of them; names as dictionaries.

    Rows that are `missing` [rows] have nulls.
    """
    bands = bundle.manifest.bands
    places = np.searchsorted([bands.medium, bands.high, bands.critical], scores.probability, "right")
    named, shares = strongest(bundle, scores.contributions, limit)
    names = pa.array([feature.name for feature in bundle.contract.features])
    ranks = range(named.shape[1])

    def chosen(places: NDArray[np.intp], words: pa.Array) -> pa.Array:
        return pa.DictionaryArray.from_arrays(pa.array(places.astype(np.int16), mask=missing), words)

    return {
        "probability": pa.array(scores.probability, mask=missing),
        "band": chosen(places, _BANDS),
        **{f"driver_{rank + 1}": chosen(named[:, rank], names) for rank in ranks},
        **{f"contribution_{rank + 1}": pa.array(shares[:, rank], mask=missing) for rank in ranks},
    }


def as_batch(columns: dict[str, pa.Array]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def as_texts(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Write words out where a file's form knows no dictionaries."""
    columns = [
        column.dictionary_decode() if pa.types.is_dictionary(column.type) else column for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
