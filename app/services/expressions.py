"""CEL, the expression language of eligibility rules: its compiled core alone.

The `cel` package imports its own command line and terminal libraries with it, which would cost every serving process
27 MB and most of a second. The core is a module of its own, loaded here as what it is.
"""

from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol


class Program(Protocol):
    """A compiled expression."""

    def execute(self, context: dict[str, Any], /) -> Any: ...


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


def compile_expression(expression: str) -> Program:
    """Compile an expression; raises ValueError saying where it is wrong."""
    program: Program = _core().compile(expression)
    return program
