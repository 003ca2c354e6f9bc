"""Arrow IPC streams from and to a caller. Nothing in one is trusted: what it claims is checked before it is read."""

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from app.domain.features import LONGEST_LEVEL
from app.errors import Invalid, Malformed, json_pointer
from app.ml.columns import is_text

MOST_ROWS: Final = 200_000
SLICE: Final = 16_384  # rows worked on at a time
LONGEST_TEXT: Final = 4 * LONGEST_LEVEL  # bytes of UTF-8
# Where a flatbuffer of Arrow's format (Message.fbs) keeps what is looked for: a table's n-th field stands at 4 + 2n of
# its table of offsets.
_HEADER: Final = 4 + 2 * 2
_DATA: Final = 4 + 2 * 1
_COMPRESSION: Final = 4 + 2 * 3
_FLAT: Final = (
    pa.types.is_null,
    pa.types.is_boolean,
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_date,
    pa.types.is_string,
    pa.types.is_large_string,
)
_OF_ROWS: Final = frozenset({"record batch", "dictionary"})


class NotAStream(Malformed):
    """The body is not an Arrow IPC stream."""


class StreamRefused(Invalid):
    """The stream cannot be taken."""


def read_stream(body: bytes) -> pa.Table:
    """Read a whole stream; raises NotAStream, or StreamRefused where it is compressed or too long.

    Compressed buffers are refused, as compressed bodies are: what they unpack to could not be bounded.
    """
    try:
        for message in pa.ipc.MessageReader.open_stream(pa.py_buffer(body)):
            if message.type in _OF_ROWS and _is_compressed(message):
                raise StreamRefused.at("", "must not be compressed")
        with pa.ipc.open_stream(pa.py_buffer(body)) as stream:
            table = pa.Table.from_batches(_bounded(stream), stream.schema)
        table.validate(full=True)
        for field, column in zip(table.schema, table.columns, strict=True):
            _require_flat(field, column)
    except (pa.ArrowException, OSError, ValueError, struct.error, UnicodeDecodeError, OverflowError) as error:
        raise NotAStream("the body is not a valid Arrow IPC stream") from error
    return table


def _bounded(stream: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    rows = 0
    for batch in stream:
        rows += batch.num_rows
        if rows > MOST_ROWS:
            raise StreamRefused.at("", f"has more than {MOST_ROWS:,} rows")
        yield batch
    if not rows:
        raise StreamRefused.at("", "has no rows")


def _require_flat(field: pa.Field, column: pa.ChunkedArray) -> None:
    """Refuse what no feature can be before it becomes Python's: a few bytes may stand for a long text many times."""
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    if not any(is_flat(kind) for is_flat in _FLAT):
        raise StreamRefused.at(json_pointer(field.name), "is of a type that no feature has")
    for chunk in column.chunks if is_text(kind) else ():
        texts = chunk.dictionary if pa.types.is_dictionary(chunk.type) else chunk
        if (pc.max(pc.binary_length(texts)).as_py() or 0) > LONGEST_TEXT:
            raise StreamRefused.at(json_pointer(field.name), f"has a text of more than {LONGEST_TEXT} bytes")


def _is_compressed(message: pa.ipc.Message) -> bool:
    """Tell whether a RecordBatch, or the one in a DictionaryBatch, has compressed buffers."""
    written = message.metadata.to_pybytes()
    batch = _table(written, _u32(written, 0), _HEADER)
    if message.type == "dictionary":
        batch = _table(written, batch, _DATA)
    return _field(written, batch, _COMPRESSION) is not None


def _table(written: bytes, table: int, place: int) -> int:
    """Return where the table begins that another one has in a field of its."""
    found = _field(written, table, place)
    if found is None:
        raise ValueError("a message without its batch")
    return found + _u32(written, found)


def _field(written: bytes, table: int, place: int) -> int | None:
    """Return where a table keeps a field; None where it is left out."""
    offsets = table - struct.unpack_from("<i", written, table)[0]
    if place >= struct.unpack_from("<H", written, offsets)[0]:
        return None
    found = struct.unpack_from("<H", written, offsets + place)[0]
    return table + found if found else None


def _u32(written: bytes, at: int) -> int:
    found: int = struct.unpack_from("<I", written, at)[0]
    return found


def slices(table: pa.Table) -> Iterator[pa.RecordBatch]:
    """Cut a table into pieces of some thousand rows, whatever pieces it came in."""
    for start in range(0, table.num_rows, SLICE):
        for batch in table.slice(start, SLICE).unify_dictionaries().combine_chunks().to_batches():
            columns = [_with_its_own_words(column) for column in batch.columns]
            yield pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _with_its_own_words(column: pa.Array) -> pa.Array:
    """Leave out of a dictionary what these rows have no use for: it would be looked through for every slice."""
    if pa.types.is_dictionary(column.type) and len(column.dictionary) > len(column):
        return column.dictionary_decode().dictionary_encode()
    return column


def write_stream(batches: Sequence[pa.RecordBatch], about: Mapping[str, str]) -> bytes:
    """Write batches, one at least, as a stream, with `about` as its schema's metadata."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batches[0].schema.with_metadata(dict(about))) as stream:
        for batch in batches:
            stream.write_batch(batch)
    written: bytes = sink.getvalue().to_pybytes()
    return written
