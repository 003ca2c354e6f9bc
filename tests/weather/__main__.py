"""`make weather`: every storm, or those named, as in `./run weather exactly_once`. Exit 1 if a promise was not kept."""

import sys
from importlib import import_module

from tests.weather import progress

STORMS = (
    "exactly_once",
    "outages",
    "paused",
    "full_disk",
    "overload",
    "callers",
    "counts",
    "restarts",
    "migrated",
    "restored",
    "clock",
    "swaps",
    "hostile",
    "soak",
)


def main(names: list[str]) -> int:
    sys.stdout.write("| promise | bar | measured | |\n|---|--:|--:|---|\n")
    broken = 0
    for name in names or STORMS:
        for row in import_module(f"tests.weather.{name}").measure():
            progress.done()
            broken += not row.kept
            sys.stdout.write(f"| {row.promise} | {row.bar} | {row.measured} | {'' if row.kept else '**not kept**'} |\n")
            sys.stdout.flush()
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
