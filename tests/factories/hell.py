"""Input that no caller should send and somebody will: as raw JSON, since Python would not write most of it."""

import json
from collections.abc import Iterator
from typing import Any, Final

from tests.factories.answers import CANARY

DEEP: Final = 1_000
Place = tuple[str | int, ...]

# Values that JSON cannot hold or that nothing here can store: refused wherever they stand (422).
UNFIT: Final = {
    "NaN": "NaN",
    "infinity": "Infinity",
    "minus infinity": "-Infinity",
    "a float beyond float64": "1e999",
    "a negative float beyond float64": "-1e999",
    "an int beyond int64": str(2**63),
    "an int below int64": str(-(2**63) - 1),
    "an int of 5,000 digits": "9" * 5_000,
    "a negative int of 5,000 digits": "-" + "9" * 5_000,
    "NUL": '"\\u0000"',
    "NUL inside a text": f'"{CANARY}\\u0000"',
    "a lone high surrogate": '"\\ud800"',
    "a lone low surrogate": f'"{CANARY}\\udc00"',
    "surrogates the wrong way round": '"\\udc00\\ud800"',
    "NUL as a key": '{"\\u0000": 1}',
    "a lone surrogate as a key": f'{{"{CANARY}\\udfff": 1}}',
}
# Values that are good JSON and fit no field or few: each operation refuses or takes them as its field says.
ODD: Final = {
    "null": "null",
    "true": "true",
    "zero": "0",
    "minus one": "-1",
    "the largest int64": str(2**63 - 1),
    "a huge float": "1e308",
    "minus zero": "-0.0",
    "an empty text": '""',
    "a control character": f'"{CANARY}\\u0007"',
    "a long text": json.dumps(CANARY * 1_000),
    "a text outside the basic plane": '"\\ud83d\\ude00"',
    "a number in a text": '"42"',
    "SQL": json.dumps(f"'; DROP TABLE subscribers; -- {CANARY}"),
    "an empty list": "[]",
    "an object": json.dumps({CANARY: CANARY}),
    "500 levels of lists": "[" * 500 + "]" * 500,
    "500 levels of objects": '{"a":' * 500 + "1" + "}" * 500,
}
# Whole bodies that are no JSON text in UTF-8, or hold a key twice (400).
MALFORMED: Final[dict[str, bytes]] = {
    "white space": b"  ",
    "a cut object": b'{"a": 1',
    "a trailing comma": b'{"a": 1,}',
    "single quotes": b"{'a': 1}",
    "two values": b"{} {}",
    "a bare word": CANARY.encode(),
    "a raw NUL": b'{"a": "\0"}',
    "a raw newline in a text": b'{"a": "\n"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "UTF-16 without a mark": '{"a": 1}'.encode("utf-16-le"),
    "UTF-32": '{"a": 1}'.encode("utf-32"),
    "a byte order mark": b'\xef\xbb\xbf{"a": 1}',
    "invalid UTF-8": b'{"a": "\xff\xfe"}',
    "an overlong form": b'{"a": "\xc0\xaf"}',
    "a surrogate in UTF-8": b'{"a": "\xed\xa0\x80"}',
    "a key twice": b'{"a": 1, "a": 2}',
    "a key twice, deep inside": b'{"b": [{"c": {"a": 1, "a": 1}}]}',
    "a key twice, once escaped": b'{"a": 1, "\\u0061": 2}',
    "a thousand levels of lists": b"[" * DEEP + b"]" * DEEP,
    "a thousand levels of objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "a hundred thousand open lists": b"[" * 100_000,
    "a hundred thousand open objects": b'{"a":' * 100_000,
}
# Good JSON that is no object at all (422).
NOT_OBJECTS: Final[dict[str, bytes]] = {
    "nothing": b"",
    "null": b"null",
    "true": b"true",
    "a number": b"1",
    "a text": b'"a"',
    "an empty list": b"[]",
    "a list of objects": b"[{}]",
}
# What is written of times, and is no RFC 3339 time with an offset between 1900 and 2200 (422).
NOT_TIMES: Final = {
    "naive": "2026-10-31T09:30:00",
    "only a date": "2026-10-31",
    "epoch seconds": 1_793_400_000,
    "epoch milliseconds": 1_793_400_000_000,
    "a fractional epoch": 1_793_400_000.5,
    "epoch seconds in a text": "1793400000",
    "zero": 0,
    "true": True,
    "empty": "",
    "words": "yesterday",
    "before the epoch of offsets": "0001-01-01T00:00:00+14:00",
    "after the last year": "9999-12-31T23:59:59-12:00",
    "year zero": "0000-01-01T00:00:00Z",
    "the far past": "1899-12-31T23:59:59Z",
    "the far future": "2201-01-01T00:00:00Z",
    "no such day": "2026-02-30T09:30:00Z",
    "no such hour": "2026-10-31T25:00:00Z",
    "no such offset": "2026-10-31T09:30:00+99:99",
    "a zone by name": "2026-10-31T09:30:00 Europe/Paris",
    "a week date": "2026-W44-6T09:30:00Z",
    "basic form": "20261031T093000Z",
    "white space around": " 2026-10-31T09:30:00Z ",
    "digits of another script": "٢٠٢٦-10-31T09:30:00Z",
}
# Percent-encoded path segments and query values that fit no parameter here.
ADDRESSES: Final = {
    "NUL": "%00",
    "NUL after a good start": f"{CANARY}%00",
    "a surrogate": f"{CANARY}%ED%A0%80",
    "invalid UTF-8": "%FF%FE",
    "a newline": f"{CANARY}%0A",
    "ten thousand characters": CANARY * 714,
    "a space": f"{CANARY}%20{CANARY}",
    "a quote": f"{CANARY}%27%20OR%201=1",
    "a face": "%F0%9F%98%80",
    "an escaped slash": f"..%2F..%2F{CANARY}",
}


def places(value: Any, here: Place = ()) -> Iterator[Place]:
    """Yield where each leaf of a JSON value stands."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from places(inner, (*here, key))
    elif isinstance(value, list) and value:
        for index, inner in enumerate(value):
            yield from places(inner, (*here, index))
    else:
        yield here


def unlike_places(value: Any) -> list[Place]:
    """Return every place at the top, and deeper inside one for each type of value: the others are checked alike."""
    found: dict[object, Place] = {}
    for place in places(value):
        inner = value
        for step in place:
            inner = inner[step]
        found.setdefault(place if len(place) == 1 else (place[:-1], type(inner)), place)
    return list(found.values())


def with_raw(body: Any, place: Place, raw: str) -> bytes:
    """Write `body` as JSON with the text `raw` as the value that stands at `place`."""
    mark = "the one place to fill"
    text = json.dumps(_replaced(body, place, mark))
    return text.replace(json.dumps(mark), raw).encode()


def _replaced(value: Any, place: Place, new: Any) -> Any:
    if not place:
        return new
    first, *rest = place
    if isinstance(value, dict):
        return value | {first: _replaced(value[first], tuple(rest), new)}
    return [_replaced(inner, tuple(rest), new) if index == first else inner for index, inner in enumerate(value)]
