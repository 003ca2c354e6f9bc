"""What a column's values say of its type: one pass over the table, and of each column only so many texts are kept."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from itertools import islice
from typing import Any, Final, NamedTuple

from app.domain.features import LONGEST_LEVEL
from app.pipelines.fields import ValueType
from app.pipelines.mapping import MappingRefused
from app.pipelines.records import number_in, text_of
from app.pipelines.tables import BATCH_ROWS, BadRow, Row, Table, TableRefused

MOST_LEVELS: Final = 1000
LEAST_TELLING: Final = 100  # a shorter table says too little: its values all differ by chance
LONGEST_COUNT: Final = 18
FEW: Final = 0.05
TRUTHS: Final = frozenset({"yes", "no", "true", "false"})
WORDS_FOR_MISSING: Final = frozenset({"na", "n/a", "nan", "null", "?", "-", "none"})
_ISO: Final = "YYYY-MM-DD"
_LIKE_ISO: Final = re.compile(r"\d{4}-\d\d-\d\d([T ].+)?")
_LIKE_A_DAY: Final = re.compile(r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}")
_DIGITS: Final = "%Y%m%d"
_YEARS: Final = range(1900, 2100)


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """What one text may be: a number of eight digits may be a day too. `days` are the forms of dates that read it.

    There is one object of each kind, so that millions of them are counted by what they are.
    """

    blank: bool = False
    word: bool = False
    number: bool = False
    truth: bool = False
    days: frozenset[str] = frozenset()
    long: bool = False

    @property
    def missing(self) -> bool:
        return self.blank or self.word


class Inferred(NamedTuple):
    """The type of a column, the form of its dates, and its words for missing values."""

    type: ValueType
    format: str | None = None
    missing: tuple[str, ...] = ()


class LeftOut(NamedTuple):
    """Why a column is not made a feature."""

    reason: str


def infer(table: Table, columns: Sequence[str]) -> dict[str, Inferred | LeftOut]:
    """Tell of each column what its values are, or why it is left out.

    Raises MappingRefused for a column of numbers or dates with a few other texts, or of dates in several forms.
    """
    seen = {column: _Column(column) for column in columns}
    rows = 0
    for lines, batch in _batches(table):
        rows += len(batch)
        for name, column in seen.items():
            column.observe(lines, [row[name] for row in batch])
    if not rows:
        raise TableRefused("the table has no rows to infer its columns from")
    return {name: column.verdict() for name, column in seen.items()}


def _batches(table: Table) -> Iterator[tuple[list[int], list[Row]]]:
    good = ((line, row) for line, row in table.rows() if not isinstance(row, BadRow))
    while batch := list(islice(good, BATCH_ROWS)):
        yield [line for line, _ in batch], [row for _, row in batch]


@dataclass(slots=True)
class _Column:
    """What was seen of one column: how many cells of each kind, the first line of each, and the first levels."""

    name: str
    counts: Counter[Kind] = field(default_factory=Counter)
    firsts: dict[Kind, int] = field(default_factory=dict)
    levels: dict[str, Kind] = field(default_factory=dict)
    words: set[str] = field(default_factory=set)
    last: int | None = -1  # the highest so far, of whole numbers that only rise; None once they do not
    nested: bool = False

    def observe(self, lines: list[int], cells: list[Any]) -> None:
        try:
            found = Counter(cells)
        except TypeError:  # a list or a dict
            self.nested = True
            return
        if self.last is not None:
            self.last = _last_if_rising(self.last, cells)
        for raw, times in found.items():
            text = raw.strip() if type(raw) is str else text_of(raw)
            kind = self.levels.get(text) or kind_of(text)
            self.counts[kind] += times
            if kind not in self.firsts:  # a Counter keeps the order in which it met its keys
                self.firsts[kind] = lines[cells.index(raw)]
            if len(self.levels) <= MOST_LEVELS and not kind.blank:
                self.levels[text] = kind
            if kind.word:
                self.words.add(text)

    def verdict(self) -> Inferred | LeftOut:
        if self.nested:
            return LeftOut("holds lists or objects")
        known = [kind for kind in self.counts if not kind.missing]
        missing = tuple(sorted(self.words))
        if not known:
            return LeftOut("holds no value")
        if self._all_or_refused("dates", [kind for kind in known if kind.days], known):
            return self._as_date(known, missing)
        if self._all_or_refused("numbers", [kind for kind in known if kind.number], known):
            rising = self.last is not None and self.counts.total() > LEAST_TELLING
            return LeftOut("counts its rows up, as an id does") if rising else Inferred("number", missing=missing)
        if all(kind.truth for kind in known):
            return Inferred("boolean", missing=missing)
        return self._as_category()

    def _all_or_refused(self, what: str, such: list[Kind], known: list[Kind]) -> bool:
        """Tell whether all values are `such`; refuse the column if all but a few are."""
        others = [kind for kind in known if kind not in such]
        few = sum(self.counts[kind] for kind in others)
        if 0 < few < FEW * sum(self.counts[kind] for kind in known):
            line = min(self.firsts[kind] for kind in others)
            raise MappingRefused(
                f"{self.name!r} holds {what}, but line {line} another text:"
                " name the column in the mapping, with its type, or with its word for missing"
            )
        return not others

    def _as_date(self, known: list[Kind], missing: tuple[str, ...]) -> Inferred | LeftOut:
        readings = {kind.days for kind in known}
        possible = frozenset.intersection(*readings)
        if not possible:
            clear = [kind for kind in known if not any(days < kind.days for days in readings)]
            lines = ", ".join(str(line) for line in sorted(self.firsts[kind] for kind in clear))
            raise MappingRefused(
                f"{self.name!r} writes its dates in several forms (lines {lines}):"
                " name the column in the mapping, with type: date and its format"
            )
        if _ISO in possible:
            return Inferred("date", None, missing)
        if len(possible) > 1:
            return LeftOut("writes dates of which the day and the month cannot be told apart: give the format")
        return Inferred("date", next(iter(possible)), missing)

    def _as_category(self) -> Inferred | LeftOut:
        if any(kind.long for kind in self.counts):
            return LeftOut(f"holds texts of more than {LONGEST_LEVEL} characters")
        if len(self.levels) > MOST_LEVELS:
            return LeftOut(f"holds more than {MOST_LEVELS} different texts")
        rows = sum(times for kind, times in self.counts.items() if not kind.blank)
        if len(self.levels) > LEAST_TELLING and 2 * len(self.levels) >= rows:
            return LeftOut("tells single rows apart, as an id does")
        return Inferred("category")


def kind_of(text: str) -> Kind:
    """Tell what a text without white space around it may be."""
    if number_in(text) is not None:
        return _NUMBER_OR_DAY if len(text) == len("20201031") and _is_day_of_digits(text) else _NUMBER
    word = text.lower()
    if not word or word in WORDS_FOR_MISSING:
        return _WORD if word else _BLANK
    if word in TRUTHS:
        return _TRUTH
    return _text_kind(frozenset(_forms_of(text)), len(text) > LONGEST_LEVEL)


@cache
def _text_kind(days: frozenset[str], long: bool) -> Kind:  # noqa: FBT001  # a cache takes positions
    return Kind(days=days, long=long)


_BLANK: Final = Kind(blank=True)
_WORD: Final = Kind(word=True)
_NUMBER: Final = Kind(number=True)
_NUMBER_OR_DAY: Final = Kind(number=True, days=frozenset({_DIGITS}))
_TRUTH: Final = Kind(truth=True)


def _is_day_of_digits(text: str) -> bool:
    return text.isdigit() and int(text[:4]) in _YEARS and _reads(_DIGITS, text)


def _forms_of(text: str) -> Iterable[str]:
    iso = [_ISO] if _LIKE_ISO.fullmatch(text) and _reads(None, text) else []
    if not (found := _LIKE_A_DAY.fullmatch(text)):
        return iso
    forms = [form.replace("/", found[1]) for form in ("%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d")]
    return iso + [form for form in forms if _reads(form, text)]


def _reads(form: str | None, text: str) -> bool:
    try:
        datetime.strptime(text, form) if form else datetime.fromisoformat(text)  # noqa: DTZ007  # a date has no zone
    except ValueError:
        return False
    return True


def _last_if_rising(last: int, cells: Iterable[Any]) -> int | None:
    for raw in cells:
        text = text_of(raw)
        if not (text.isascii() and text.isdigit() and len(text) <= LONGEST_COUNT) or int(text) <= last:
            return None
        last = int(text)
    return last
