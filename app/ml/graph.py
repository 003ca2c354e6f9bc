"""What a model file is made of, read without running it and without ONNX's own library.

A model file is a protobuf message (protobuf.dev/programming-guides/encoding; its fields are those of onnx.proto).
Opening a hostile one can take a machine's memory or end the process, so it is walked through first, and must consist of
exactly the kinds of parts that our exporter writes. The work is bounded: nothing is copied, messages nest to a fixed
depth, parts are counted, and one regular expression passes over the long columns of the trees.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple, TypeAlias

# The newest opset of each domain that a model may ask for, and the operators that it may use.
OPSETS: Final = {"": 18, "ai.onnx.ml": 3}
OPERATORS: Final = {
    "": frozenset({"Cast", "Gather", "ReduceSum", "Add", "Sigmoid"}),
    "ai.onnx.ml": frozenset({"TreeEnsembleRegressor"}),
}
MOST_PARTS: Final = 20_000  # a model of 300 features has under a thousand, the columns of its trees apart
LONGEST_SHOWN: Final = 32

_NUMBER, _BYTES, _FLOAT = 0, 2, 5  # wire types
_LONGEST_NUMBER: Final = 10
# A run of floats (field 7), whole numbers (8) and the two words that trees consist of (9) within an attribute.
_COLUMN: Final = re.compile(rb"(?:\x3d[\x00-\xff]{4}|\x40[\x80-\xff]{0,9}[\x00-\x7f]|\x4a\x09BRANCH_LT|\x4a\x04LEAF)++")
_OUTSIDE: Final = "it asks for data outside its file"
_FOREIGN: Final = "it uses operators of another domain than ONNX's own"


class _Kind(NamedTuple):
    """A kind of message, by field number: what it may have, on which wire; what it may have once; the messages in it.

    `refused` says what some of the other fields would mean.
    """

    name: str
    fields: Mapping[int, tuple[int, ...]]
    once: frozenset[int] = frozenset()
    parts: Mapping[int, "_Kind"] = {}
    refused: Mapping[int, str] = {}


class _Field(NamedTuple):
    """One field: a number's `value`, or where in the file its bytes start and end."""

    number: int
    value: int
    start: int
    end: int


_Found: TypeAlias = dict[int, _Field]
_TENSOR = _Kind(
    "a tensor",
    dict.fromkeys((8, 9), (_BYTES,)) | {1: (_NUMBER, _BYTES), 2: (_NUMBER,)},
    refused={13: _OUTSIDE, 14: _OUTSIDE},
)
_ATTRIBUTE = _Kind(
    "an attribute",
    dict.fromkeys((1, 4, 9, 13), (_BYTES,))
    | {2: (_FLOAT,), 3: (_NUMBER,), 7: (_FLOAT, _BYTES), 8: (_NUMBER, _BYTES), 20: (_NUMBER,)},
    refused=dict.fromkeys((6, 11), "a node holds a graph of its own")
    | dict.fromkeys((5, 10, 22, 23), "a node holds a tensor of its own"),
)
_NODE = _Kind("a node", dict.fromkeys(range(1, 8), (_BYTES,)), once=frozenset({4, 7}), parts={5: _ATTRIBUTE})
_GRAPH = _Kind(
    "the graph",
    dict.fromkeys((1, 2, 5, 10, 11, 12, 13), (_BYTES,)),
    parts={1: _NODE, 5: _TENSOR},
    refused={15: "it holds sparse tensors"},
)
_OPSET = _Kind("an opset", {1: (_BYTES,), 2: (_NUMBER,)}, once=frozenset({1, 2}))
_MODEL = _Kind(
    "the model",
    dict.fromkeys((2, 3, 6, 7, 8), (_BYTES,)) | {1: (_NUMBER,)},
    once=frozenset({7}),
    parts={7: _GRAPH, 8: _OPSET},
    refused={20: "it carries training steps", 25: "it defines functions"},
)


def check_graph(model: bytes) -> None:
    """Raise ValueError, saying why in a few words, unless the file is made of nothing but what we export."""
    found = _Walk(model).through(_MODEL, 0, len(model))
    _require(bool(found), "it holds no graph")


class _Walk:
    def __init__(self, file: bytes) -> None:
        self._file = file
        self._parts = 0

    def through(self, kind: _Kind, start: int, end: int) -> _Found:
        """Check a message and all within it; return those of its fields that it may have once."""
        found: _Found = {}
        for field in self._fields(kind, start, end):
            if part := kind.parts.get(field.number):
                self._judge(part, self.through(part, field.start, field.end))
            if field.number in kind.once:
                # Two readers may each believe another one.
                _require(field.number not in found, f"{kind.name} has two of what it may have once")
                found[field.number] = field
        return found

    def _judge(self, kind: _Kind, found: _Found) -> None:
        if kind is _OPSET:
            domain, version = self._text(found.get(1)), found.get(2)
            _require(domain in OPSETS, _FOREIGN)
            too_new = f"it needs an opset of {domain or 'ai.onnx'} past {OPSETS[domain]}"
            _require(version is not None and version.value <= OPSETS[domain], too_new)
        elif kind is _NODE:
            domain, operator = self._text(found.get(7)), self._text(found.get(4))
            shown = (
                operator if re.fullmatch("[A-Za-z0-9]+", operator) and len(operator) <= LONGEST_SHOWN else "an operator"
            )
            _require(domain in OPERATORS, _FOREIGN)
            _require(operator in OPERATORS[domain], f"it uses {shown}, which no exported model does")

    def _fields(self, kind: _Kind, at: int, end: int) -> Iterator[_Field]:
        while at < end:
            if kind is _ATTRIBUTE and (column := _COLUMN.match(self._file, at, end)):
                at = column.end()
                continue
            self._parts += 1
            _require(self._parts <= MOST_PARTS, "it has more parts than an exported model ever has")
            tag, at = self._number(at, end)
            number, wire = tag >> 3, tag & 7
            otherwise = kind.refused.get(number, f"{kind.name} has a part that no exported model has")
            _require(wire in kind.fields.get(number, ()), otherwise)
            field = self._field(number, wire, at, end)
            at = field.end
            yield field

    def _field(self, number: int, wire: int, at: int, end: int) -> _Field:
        if wire == _FLOAT:
            value, start, stop = 0, at, at + 4
        else:
            value, start = self._number(at, end)
            stop = start + value if wire == _BYTES else start
        _require(stop <= end, "it is cut short")
        return _Field(number, value, start, stop)

    def _number(self, at: int, end: int) -> tuple[int, int]:
        """Read a number: seven bits a byte, the lowest first; the eighth says that more follow."""
        value = 0
        for place, byte in enumerate(self._file[at : min(at + _LONGEST_NUMBER, end)]):
            value |= (byte & 0x7F) << 7 * place
            if byte < 0x80:  # noqa: PLR2004  # the eighth bit
                return value, at + place + 1
        raise ValueError("it is cut short, or no model file at all")

    def _text(self, field: _Field | None) -> str:
        return self._file[field.start : field.end].decode("latin-1") if field else ""


def _require(holds: bool, otherwise: str) -> None:  # noqa: FBT001  # reads as a sentence: require this, otherwise that
    if not holds:
        raise ValueError(otherwise)
