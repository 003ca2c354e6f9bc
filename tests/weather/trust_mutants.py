"""`make trust-mutants`: holes cut into the code on purpose, each of which the suite must find. Exit 1 if not.

The same tests pass over the code as it is: that is the first row.
"""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from tests.weather.progress import tell
from tests.weather.sown import Tried, report
from tests.weather.variants import Change, variant

WHOLE: Final = ("app", "migrations", "tests", "openapi", "docs")
ECHO: Final = "tests/routers/test_strict_json.py"
REACH: Final = "tests/routers/test_reach.py"
LOGS: Final = "tests/weather/test_weather.py::test_what_identifies_somebody_shows_nowhere_but_in_answers"
SCOPES: Final = "tests/routers/test_deps.py"
FIELDS: Final = "tests/routers/test_mass_assignment.py"


class Mutant(NamedTuple):
    name: str
    changes: Sequence[Change]
    tests: Sequence[str]


PHONE: Final = '    phone = contact.get("phone") if contact else None\n'
TOLD: Final = PHONE + '    print(phone, file=__import__("sys").stderr)\n'
VIOLATION: Final = "Violation(pointer, _sentence(error))"
WITH_INPUT: Final = "Violation(pointer, _sentence(error) + str(error.get('input'))[:200])"
STRICT: Final = 'ConfigDict(extra="forbid")'

MUTANTS: Final = (
    Mutant("none: the code as it is", (), (ECHO, REACH, LOGS, SCOPES, FIELDS)),
    Mutant("input is echoed in problems", (("app/routers/problems.py", VIOLATION, WITH_INPUT),), (ECHO,)),
    Mutant(
        "no region filter: a bounded caller is told to the store as any other",
        (("app/db.py", "            if reach.is_bounded:\n", "            if False:\n"),),
        (REACH,),
    ),
    Mutant("a phone in the log", (("app/services/subscribers.py", PHONE, TOLD),), (LOGS,)),
    Mutant(
        "no scope is checked",
        (("app/services/access.py", "    if scope not in caller.scopes:\n", "    if False:\n"),),
        (SCOPES,),
    ),
    Mutant(
        "mass assignment: unknown fields are taken",
        (("app/schemas/base.py", STRICT, STRICT.replace("forbid", "allow")),),
        (FIELDS,),
    ),
)


def tried() -> Iterator[Tried]:
    for mutant in MUTANTS:
        tell(mutant.name)
        with variant(mutant.changes, WHOLE) as code:
            command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=no", *mutant.tests]
            ran = subprocess.run(command, cwd=code, check=False, capture_output=True, text=True)
        failed = sum(line.startswith("FAILED") for line in ran.stdout.splitlines())
        yield mutant.name, bool(mutant.changes), f"{failed} tests of {', '.join(mutant.tests)}" if failed else ""


if __name__ == "__main__":
    sys.exit(report("hole", tried()))
