"""`make bench-peers`: other servers of the same model beside ours; all of them, or those named by their package."""

import sys

from bench.peers.measure import HEAD, measure


def _told(*cells: str) -> None:
    print(f"| {' | '.join(cells)} |", flush=True)


_told(*HEAD)
_told("---", *["--:"] * (len(HEAD) - 1))
for line in measure(sys.argv[1:]):
    _told(*line)
