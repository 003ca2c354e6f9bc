"""Where a long run has got to, on one line of the terminal."""

import sys


def tell(where: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{where}")
        sys.stderr.flush()


def done() -> None:
    tell("")
