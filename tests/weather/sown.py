"""Faults sown into the code on purpose: a table of what was found of each, and whether that is as it should be."""

import sys
from collections.abc import Iterable

from tests.weather import progress

Tried = tuple[str, bool, str]  # its name, whether anything was sown, and what was found; nothing if that is empty


def report(title: str, tried: Iterable[Tried]) -> int:
    """Write the table as it comes; returns 1 if what was sown was missed, or something found where nothing was."""
    sys.stdout.write(f"| {title} | found | |\n|---|---|---|\n")
    missed = 0
    for name, is_sown, found in tried:
        progress.done()
        as_it_should_be = bool(found) == is_sown
        missed += not as_it_should_be
        sys.stdout.write(f"| {name} | {found or 'nothing'} | {'' if as_it_should_be else '**missed**'} |\n")
        sys.stdout.flush()
    return 1 if missed else 0
