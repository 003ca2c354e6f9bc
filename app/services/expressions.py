"""CEL, the language of eligibility rules: compiled once, checked when an action is saved, asked in a microsecond.

The `cel` package imports its own command line and terminal libraries with it, which would cost every serving process
27 MB and most of a second. The core is a module of its own, loaded here as what it is.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache, lru_cache
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple, Protocol

from app.domain.decisions.context import Facts, FactUnknown
from app.domain.features import FeatureValue
from app.errors import Invalid, Violation

ANY: Final[Mapping[str, FeatureValue]] = {}  # a group that may hold whatever a caller sends
QUOTE: Final = "'"
WORDS: Final = frozenset({"true", "false", "null", "in"})
_TOKEN: Final = re.compile(
    r"""(?P<text>[rRbB]{0,2}(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"))"""
    r"""|(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?u?)|(?P<name>[A-Za-z_]\w*)|(?P<sign>\S)""",
    re.DOTALL,
)
_BOUND: Final = re.compile(r"\.\s*(?:all|exists|exists_one|map|filter)\s*\(\s*([A-Za-z_]\w*)\s*,")
_SYNTAX: Final = re.compile(r"<input>:(\d+):(\d+): (?:Syntax error: )?([^\n]*)")
_TYPES: Final = (RuntimeError, TypeError, ValueError)


class ExpressionRefused(Invalid):
    """The expression could not be answered for every subscriber."""


class Program(Protocol):
    """A compiled expression."""

    def execute(self, context: Any, /) -> Any: ...


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


@cache
def _core() -> ModuleType:
    package = find_spec("cel")
    folder = Path(str(package.origin)).parent if package else Path()
    path = next(found for suffix in EXTENSION_SUFFIXES if (found := folder / f"cel{suffix}").is_file())
    spec = spec_from_file_location("cel.cel", path)
    assert spec and spec.loader  # noqa: S101, PT018  # an extension module always has both
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@lru_cache(maxsize=4096)
def compile_rule(expression: str) -> Callable[[Facts], bool]:
    """Compile an expression over facts; raises ValueError saying where it is wrong.

    What it makes raises FactUnknown where it cannot be answered. Of facts every number is a double, as JSON has it.
    """
    program: Program = _core().compile(expression)

    def holds(facts: Facts) -> bool:
        try:
            return program.execute(_prepared(facts)) is True
        except KeyError as error:
            raise FactUnknown(str(error.args[0])) from error
        except (*_TYPES, ZeroDivisionError) as error:
            raise FactUnknown("its value") from error

    return holds


_last: tuple[Facts, Any] | None = None


def _prepared(facts: Facts) -> Any:
    """Facts in the evaluator's own form, which costs fifty times what asking does: a decision asks all rules of one."""
    global _last  # noqa: PLW0603  # the facts asked about last, and nothing else
    known = _last
    if known is None or known[0] is not facts:
        groups = {name: {key: _as_double(value) for key, value in group.items()} for name, group in facts.items()}
        known = _last = (facts, _core().Context(variables=groups))
    return known[1]


def _as_double(value: FeatureValue) -> FeatureValue:
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def check_expression(expression: str, field: str, known: Mapping[str, Mapping[str, FeatureValue]]) -> None:
    """Refuse, naming the place, what does not compile, names an unknown fact, may divide by zero, or mixes types.

    `known` are the groups of facts, each with an example of every fact it may hold, or ANY.
    """
    try:
        rule = _core().compile(expression)
    except ValueError as error:
        raise ExpressionRefused.at(field, _where_wrong(str(error))) from error
    found = [Violation(field, f"{_place(expression, at)}: {told}") for at, told in _wrong(expression, known)]
    if found:
        raise ExpressionRefused(f"the expression cannot be used: {found[0].detail}", found)
    for samples in _samples(known):
        _try(rule, expression, field, samples)


def _where_wrong(message: str) -> str:
    line, column, told = found.groups() if (found := _SYNTAX.search(message)) else ("1", "1", "syntax error")
    # What the compiler quotes is what was sent, which no problem repeats: the place says enough.
    return f"line {line}, column {column}: does not compile: {told.partition(' at')[0].partition(QUOTE)[0].strip()}"


def _place(expression: str, at: int) -> str:
    before = expression[:at]
    return f"line {before.count(chr(10)) + 1}, column {at - (before.rfind(chr(10)) + 1) + 1}"


def _wrong(expression: str, known: Mapping[str, Mapping[str, FeatureValue]]) -> Iterator[tuple[int, str]]:
    tokens = [_Token(m.lastgroup or "", m.group(), m.start()) for m in _TOKEN.finditer(expression)]
    bound = set(_BOUND.findall(expression)) | WORDS
    end = _Token("", "", len(expression))
    for number, token in enumerate(tokens):
        before = tokens[number - 1] if number else end
        after, member = [*tokens[number + 1 :], end, end][:2]
        if token.text in {"/", "%"} and token.kind == "sign" and not _is_nonzero(after):
            yield token.at, "may divide by zero: only a number other than 0 may stand under a division"
        if token.kind == "name" and before.text != ".":
            yield from ((token.at, told) for told in _unknown(token.text, after, member, known, bound))


def _is_nonzero(token: _Token) -> bool:
    return token.kind == "number" and float(token.text.rstrip("u")) != 0


def _unknown(
    name: str, after: _Token, member: _Token, known: Mapping[str, Mapping[str, FeatureValue]], bound: Collection[str]
) -> Iterator[str]:
    if name in bound or (after.text == "(" and name not in known):
        return
    if name not in known:
        yield f"names no fact; facts are in {', '.join(sorted(known))}"
    elif after.text != "." or member.kind != "name":
        yield f"write {name}.…, naming the fact"
    elif known[name] is not ANY and member.text not in known[name]:
        yield f"names no known fact of {name}"


def _samples(known: Mapping[str, Mapping[str, FeatureValue]]) -> Iterator[Facts]:
    """Two subscribers of whom everything is known: nothing is true of the one, everything of the other."""
    for flag, number in ((False, 0.0), (True, 1.0)):
        yield {
            group: {name: _like(example, flag, number) for name, example in facts.items()}
            for group, facts in known.items()
        }


def _like(example: FeatureValue, flag: bool, number: float) -> FeatureValue:  # noqa: FBT001  # a value
    if isinstance(example, bool):
        return flag
    return number if isinstance(example, float) else example


def _try(rule: Program, expression: str, field: str, samples: Facts) -> None:
    try:
        answer = rule.execute(_core().Context(variables={group: dict(facts) for group, facts in samples.items()}))
    except KeyError:  # of the caller's own facts nobody knows beforehand which there are
        return
    except ZeroDivisionError as error:
        raise ExpressionRefused.at(field, "line 1, column 1: divides by zero") from error
    except _TYPES as error:
        told = str(error)
        name = found[1] if (found := re.search(r"function: '(\w+)'", told)) else None
        at = max(expression.find(name), 0) if name else 0
        why = "names no known function" if name else "mixes types; every number of a fact is a double, so write 1.0"
        raise ExpressionRefused.at(field, f"{_place(expression, at)}: {why}") from error
    if not isinstance(answer, bool):
        raise ExpressionRefused.at(field, "line 1, column 1: must be true or false, and is a value")
