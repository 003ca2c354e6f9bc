"""Which factor causes which: a small file, declared by those who know, that settles which of a collinear pair stays."""

import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from app.errors import Invalid
from app.ml.manifest import first_problem

ARROW = " -> "
COLLINEAR = 0.5  # |association|, unless the file says otherwise
_EDGE = re.compile(r"(\w{1,128})\s*->\s*(\w{1,128})")


class CauseGraphRefused(Invalid):
    """The cause graph cannot be used."""


@dataclass(frozen=True, slots=True)
class CauseGraph:
    """The effects of each cause, without a cycle, and the |association|, in (0, 1], from which a pair is collinear."""

    effects: Mapping[str, tuple[str, ...]]
    threshold: float = COLLINEAR

    def path(self, cause: str, effect: str) -> tuple[str, ...]:
        """Return the shortest way along the edges, both ends included, or nothing if there is none."""
        ways: deque[tuple[str, ...]] = deque([(cause,)])
        seen = {cause}
        while ways:
            way = ways.popleft()
            for following in self.effects.get(way[-1], ()):
                if following == effect:
                    return (*way, effect)
                if following not in seen:
                    seen.add(following)
                    ways.append((*way, following))
        return ()

    def ancestors(self, name: str) -> frozenset[str]:
        """Return everything that causes this, directly or not."""
        return frozenset(cause for cause in self.effects if self.path(cause, name))


def read_cause_graph(path: Path) -> CauseGraph:
    """Read a YAML file of `edges`, each "cause -> effect", and a `threshold` in (0, 1]; names need not be in any table.

    Raises CauseGraphRefused with one line on what is wrong: no YAML, unknown field, bad edge, or the names on a cycle.
    """
    try:
        return parse_cause_graph(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CauseGraphRefused(f"{path} cannot be read") from error
    except (CauseGraphRefused, UnicodeDecodeError) as error:
        reason = error.detail if isinstance(error, CauseGraphRefused) else "is not text in UTF-8"
        raise CauseGraphRefused(f"{path}: {reason}") from error


def shipped_cause_graph() -> CauseGraph:
    """Return the causes among the 27 inputs of the default schema."""
    return parse_cause_graph((files("app") / "catalogue" / "causes.yaml").read_text(encoding="utf-8"))


def parse_cause_graph(text: str) -> CauseGraph:
    """Read the text of such a file. Raises CauseGraphRefused."""
    try:
        declared = _Declared.model_validate(_fields(text))
    except ValidationError as error:
        raise CauseGraphRefused(first_problem(error)) from None
    _refuse_cycle(declared.edges)
    effects: dict[str, tuple[str, ...]] = {}
    for cause, effect in dict.fromkeys(declared.edges):
        effects[cause] = (*effects.get(cause, ()), effect)
    return CauseGraph(effects, declared.threshold)


def _fields(text: str) -> dict[str, Any]:
    try:
        root, fields = yaml.compose(text, yaml.SafeLoader), yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise CauseGraphRefused(f"is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(fields, dict):
        raise CauseGraphRefused("must hold a list named edges")
    if root and len(root.value) != len(fields):  # of a repeated field, the earlier would be lost without a word
        raise CauseGraphRefused("a field stands twice")
    return fields


def _edge(text: object) -> tuple[str, str]:
    if isinstance(text, str) and (match := _EDGE.fullmatch(text.strip())):
        return match[1], match[2]
    raise ValueError("must be written as cause -> effect, each one name of letters, digits and _")


class _Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    edges: list[Annotated[tuple[str, str], BeforeValidator(_edge)]]
    threshold: float = Field(COLLINEAR, gt=0, le=1)


def _refuse_cycle(edges: list[tuple[str, str]]) -> None:
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for cause, effect in edges:
        sorter.add(effect, cause)
    try:
        sorter.prepare()
    except CycleError as error:
        raise CauseGraphRefused(f"the edges run in a circle: {ARROW.join(error.args[1])}") from None
